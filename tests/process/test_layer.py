"""The built layer in the local platform, in root file systems that have nothing, or worse than nothing, for it to run on."""

import os
import platform
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.fake_runtime import Step

pytestmark = [pytest.mark.peers, pytest.mark.long]

PROJECT = Path(__file__).parent.parent.parent
BUILD = PROJECT / "build"
HERE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
AGENT = "/opt/extensions/datadog-agent"
FOLDERS = ("opt", "proc", "dev", "tmp", "etc")
# Run within mounts of its own: the layer read-only at /opt of the root, and nothing else but what every sandbox has.
ENTER = """
set -e
root=$1 stage=$2; shift 2
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
[ "$1" = no-tmp ] || mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$stage" "$root/opt"
mount -o remount,bind,ro "$root/opt"
exec /usr/sbin/chroot "$root" "$2"
"""


def layer(architecture):
    """The folder that is /opt; built where it is not there, or not of these sources."""
    if os.geteuid() != 0:
        pytest.skip("only root may change the root file system")
    done = subprocess.run(
        [sys.executable, "-m", "layer.build", architecture, "if-new"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"the layer cannot be built here: {done.stderr.strip()}")
    return BUILD / f"layer-{architecture}"


@pytest.fixture(scope="module")
def stage():
    return layer(HERE)


@pytest.fixture(scope="module")
def roots():
    """Where roots are laid out: not below /tmp, which a sandbox has its own of."""
    folder = BUILD / "roots"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def make_root(folder, kind):
    """`empty`, or one whose system has only broken libraries: whoever loads one of them ends at once."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "etc" / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    if kind == "broken libraries":
        (folder / "etc" / "nsswitch.conf").write_text("hosts: myhostname files dns resolve\n")
        for place in ("lib", "lib64", "usr/lib", "usr/lib64", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"):
            (folder / place).mkdir(parents=True, exist_ok=True)
            for library in (
                "libc.so.6",
                "libm.so.6",
                "libz.so.1",
                "libssl.so.3",
                "libstdc++.so.6",
                "libnss_myhostname.so.2",
                "libnss_resolve.so.2",
            ):
                (folder / place / library).write_bytes(b"\x7fELF no library at all")
        cache = Path("/etc/ld.so.cache")
        if cache.exists():
            shutil.copy(cache, folder / "etc" / "ld.so.cache")
    return folder


def entering(folder, root, stage, *, tmp=True):
    """The command of an extension that lives in this root."""
    script = folder / f"enter-{root.name}"
    script.write_text(f"#!/bin/sh\nexec unshare -m /bin/sh -c '{ENTER}' enter {root} {stage} {'tmp' if tmp else 'no-tmp'} {AGENT}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return ("/bin/sh", str(script), str(root), str(stage))


async def play(scene_of, command, **environment):
    """Two invocations with a line and a metric each; all of it must arrive."""
    scene = scene_of(environment, timeout_ms=10_000)
    found = await scene.play(
        [Step(lines=("said one",), during=scene.count), Step(lines=("said two",), during=scene.count)], extension=command
    )
    ids = [result.request_id for result in found.results]
    assert found.statuses == ["success", "success"], found.run.extension_output
    found.check_delivered({ids[0]: ["said one"], ids[1]: ["said two"]}, dict.fromkeys(ids, 1.0))
    found.check_orderly()
    return found


@pytest.mark.parametrize("kind", ["empty", "broken libraries"])
@pytest.mark.parametrize("plain", ["false", "true"])
async def test_all_telemetry_arrives_from_a_root_that_has_nothing_for_it(scene_of, stage, roots, kind, plain):
    root = make_root(roots / f"{kind.replace(' ', '-')}-{plain}", kind)
    await play(scene_of, entering(roots, root, stage), DD_PLAIN_START=plain)
