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
from layer.debian import SUITE, Apt, members
from layer.parts import ARCHITECTURES, BuildError

pytestmark = [pytest.mark.peers, pytest.mark.long]

PROJECT = Path(__file__).parent.parent.parent
BUILD = PROJECT / "build"
HERE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
AGENT = "/opt/extensions/datadog-agent"
OLDER_SUITE, OLDER_GLIBC = "bullseye", "2.31"
OLDER_PACKAGES = ("libc6", "libtinfo6", "bash")
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
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


@pytest.fixture(scope="module")
def stage(layer_of):
    return layer_of(HERE)


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


def make_musl_root(folder):
    """As Alpine's: its loader, and where that looks for libraries."""
    loaders = list(Path("/lib").glob("ld-musl-*.so.1"))
    if not loaders:
        pytest.skip("there is no musl here to lay a root out with (on Debian: apt install musl)")
    root = make_root(folder, "broken libraries")
    shutil.copy(loaders[0], root / "lib" / loaders[0].name)
    (root / "etc" / f"{loaders[0].stem.removesuffix('.so')}.path").write_text("/lib\n")
    return root


@pytest.fixture(scope="module")
def older_packages():
    """The C library and the shell of the Debian before the one that the layer is made of."""
    here = ARCHITECTURES[HERE]
    asked = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\n")
        [uri, *_] = (line.split()[1] for line in found if line.startswith(f"{SUITE} "))
        state = BUILD / f"apt-{OLDER_SUITE}"
        state.mkdir(parents=True, exist_ok=True)
        sources = state / "sources.list"
        sources.write_text(f"deb [signed-by={KEYS}] {uri} {OLDER_SUITE} main\n")
        apt = Apt(here, state, sources)
        apt.update()
        for name in OLDER_PACKAGES:
            apt.download(apt.newest(name), state / f"{name}.deb")
    except (OSError, ValueError, subprocess.CalledProcessError, BuildError) as error:
        pytest.skip(f"packages of an older Debian cannot be had here: {error}")
    return [state / f"{name}.deb" for name in OLDER_PACKAGES]


def unpack(package, root):
    for member, content in members(package):
        place = root / member.name
        if member.issym():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(member.linkname)
        elif member.isdir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.write_bytes(content)
            place.chmod(member.mode)


def said_within(root, line):
    return subprocess.run(["/usr/sbin/chroot", root, "/bin/bash", "-c", line], capture_output=True, text=True, check=True).stdout


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


async def test_musl_in_the_root_is_nobodys_business(scene_of, stage, roots):
    root = make_musl_root(roots / "musl")
    await play(scene_of, entering(roots, root, stage), LD_PRELOAD="/lib/libc.so.6", LD_LIBRARY_PATH="/lib:/usr/lib", PYTHONHOME="/nowhere")


async def test_an_older_c_library_in_the_root_is_nobodys_business(scene_of, stage, roots, older_packages):
    """It is there, and works for whoever wants it."""
    root = make_root(roots / "older", "empty")
    for package in older_packages:
        unpack(package, root)
    told = said_within(root, "/lib/*-linux-gnu/libc.so.6")
    assert f"GLIBC {OLDER_GLIBC}" in told
    await play(
        scene_of,
        entering(roots, root, stage),
        LD_LIBRARY_PATH=":".join(f"/{place}" for place in ("lib", "usr/lib", "lib/x86_64-linux-gnu")),
    )


async def test_without_room_in_tmp_it_works_and_says_so_at_most_once(scene_of, stage, roots):
    root = make_root(roots / "no-tmp", "empty")
    (root / "tmp").rmdir()
    (root / "tmp").write_text("no folder at all")
    scene = scene_of({}, timeout_ms=10_000)
    found = await scene.play([Step(lines=("said one",))], extension=entering(roots, root, stage, tmp=False))
    assert found.statuses == ["success"]
    found.check_delivered({found.results[0].request_id: ["said one"]})
    assert len(found.own("WARN")) <= 1


async def test_without_its_interpreter_it_says_why_in_one_line_and_invocations_go_on(scene_of, stage, roots):
    broken = roots / "broken-stage"
    shutil.copytree(stage, broken)
    [interpreter] = broken.glob("lambda-reactor/*/bin/python3.11")
    interpreter.unlink()
    root = make_root(roots / "no-interpreter", "empty")
    found = await scene_of({}, timeout_ms=10_000).play([Step(), Step()], extension=entering(roots, root, broken))
    assert found.statuses == ["success", "success"]
    assert len(found.own("ERROR")) == 1
    assert "cannot be started" in found.own("ERROR")[0]


@pytest.mark.parametrize("missing", ["start.bin", "site/reactor/process.pyc", "site/trio"])
async def test_where_a_part_is_missing_it_works_or_says_why_in_one_line(scene_of, stage, roots, missing):
    broken = roots / f"without-{missing.replace('/', '-')}"
    shutil.copytree(stage, broken)
    [inside] = (broken / "lambda-reactor").iterdir()
    (shutil.rmtree if (inside / missing).is_dir() else os.unlink)(inside / missing)
    if missing != "start.bin":
        (inside / "start.bin").unlink()  # which has it, too
    root = make_root(roots / f"root-without-{missing.replace('/', '-')}", "empty")
    command = entering(roots, root, broken)
    if missing == "start.bin":
        await play(scene_of, command)
        return
    found = await scene_of({}, timeout_ms=10_000).play([Step(), Step()], extension=command)
    assert found.statuses == ["success", "success"]
    assert len(found.own("ERROR")) == 1


async def test_two_versions_lie_side_by_side_and_the_later_layer_runs(scene_of, stage, roots):
    """Layers are unpacked over each other. Nothing of the earlier one is used, whatever has become of it."""
    both = roots / "both"
    shutil.copytree(stage, both)
    other = both / "lambda-reactor" / "0.0.1-deadbeef"
    (other / "site" / "reactor").mkdir(parents=True)
    (other / "site" / "reactor" / "__init__.pyc").write_bytes(b"of another version")
    (both / "python").mkdir()
    (both / "python" / "trio.py").write_text("raise SystemExit('another layer for Python functions')\n")
    root = make_root(roots / "two-layers", "empty")
    await play(scene_of, entering(roots, root, both))


# --- what is inside


def test_every_part_has_its_licence_and_its_line_in_the_bill(stage):
    import json

    from layer.parts import DEBIAN, WHEELS

    [inside] = (stage / "lambda-reactor").iterdir()
    bill = json.loads((BUILD / f"layer-{HERE}.cdx.json").read_text())
    names = {component["name"] for component in bill["components"]}
    assert names == {*DEBIAN, *WHEELS, "musl", "lambda-reactor"}
    for name in names:
        texts = [file for file in (inside / "licences" / name).iterdir() if file.stat().st_size > 200]
        assert texts, name
    assert all(component["version"] and component["licenses"] for component in bill["components"])


def test_no_tests_no_sources_and_no_more_than_is_allowed(stage):
    files = [file for file in stage.rglob("*") if file.is_file()]
    assert [file for file in files if file.suffix in (".py", ".pyi", ".h", ".c") or {"tests", "_tests"} & set(file.parts[-4:])] == []
    assert sum(file.stat().st_size for file in files) <= 32_000_000
    assert (BUILD / f"layer-{HERE}.zip").stat().st_size <= 12_000_000


async def test_arm64_does_the_same_end_to_end_under_qemu(scene_of, layer_of, roots):
    qemu = shutil.which("qemu-aarch64-static")
    if HERE != "x86_64" or qemu is None:
        pytest.skip("needs qemu-aarch64-static (on Debian: apt install qemu-user-static) on another machine")
    folder = layer_of("arm64")
    root = make_root(roots / "arm64", "broken libraries")
    script = roots / "enter-arm64"
    # Who runs foreign programs is said in a user namespace of its own: the machine's own list is left alone.
    magic = r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    magic += r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:" + qemu + ":F"
    register = f'mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc\nprintf %s "{magic}" > /proc/sys/fs/binfmt_misc/register\n'
    enter = roots / "enter-arm64-inner"
    enter.write_text(f"{register}{ENTER}".replace("$1", "${1}"))
    script.write_text(f"#!/bin/sh\nexec unshare --user --map-root-user --mount /bin/sh {enter} {root} {folder} tmp {AGENT}\n")
    scene = scene_of({}, timeout_ms=30_000)
    command = ("/bin/sh", str(script), str(enter), str(root), str(folder), qemu)
    found = await scene.play([Step(lines=("said one",), during=scene.count)], extension=command)
    [result] = found.results
    assert result.status == "success", found.run.extension_output
    found.check_delivered({result.request_id: ["said one"]}, {result.request_id: 1.0})


def test_built_again_elsewhere_it_is_the_same_bytes(stage, tmp_path):
    other = tmp_path / "some" / "where else"
    for name in ("fsm", "protocols", "pipelines", "reactor", "layer", "launcher", "requirements"):
        shutil.copytree(PROJECT / name, other / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(PROJECT / name, other / name)
    (other / "build").mkdir()
    (other / "build" / "cache").symlink_to(BUILD / "cache")
    environment = os.environ | {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-m", "layer.build", HERE], cwd=other, env=environment, capture_output=True, check=True)
    for name in (f"layer-{HERE}.zip", f"layer-{HERE}.cdx.json"):
        assert (other / "build" / name).read_bytes() == (BUILD / name).read_bytes()
