"""What the built layer's programs and libraries ask the system for: nothing. `make -f layer.mk test` builds one before."""

import shutil
import subprocess
import sys

import pytest

from layer.build import NOT_HERE, is_built
from layer.parts import ARCHITECTURES, BUILD, PROJECT

pytestmark = pytest.mark.skipif(shutil.which("readelf") is None, reason="there is no readelf (on Debian: apt install binutils)")


def built(architecture):
    command = [sys.executable, "-m", "layer.build", architecture, "if-new"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode == NOT_HERE:
        pytest.skip(f"the layer cannot be built here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def machine_code(folder):
    """Each file of it, with its dynamic section and program headers as text."""
    found = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.read_bytes()[:4] == b"\x7fELF"]
    assert len(found) > 15
    for file in found:
        command = ["readelf", "--wide", "--dynamic", "--program-headers", file]
        yield file, subprocess.run(command, capture_output=True, text=True, check=True).stdout


def named(text, *kinds):
    return [line.partition("[")[2].rstrip("]") for line in text.splitlines() if any(f"({kind})" in line for kind in kinds)]


@pytest.mark.parametrize("architecture", ["x86_64", pytest.param("arm64", marks=pytest.mark.long)])
def test_nothing_outside_opt_is_loaded(architecture):
    if architecture == "arm64":
        built(architecture)
    elif not is_built(ARCHITECTURES[architecture]):
        pytest.skip("no layer of these sources is built: make -f layer.mk layer")
    folder = BUILD / f"layer-{architecture}"
    [inside] = (folder / "lambda-reactor").iterdir()
    home = f"/opt/lambda-reactor/{inside.name}"
    ours, about = {file.name for file in (inside / "lib").iterdir()}, dict(machine_code(folder))
    for file, text in about.items():
        assert set(named(text, "NEEDED")) <= ours, file
        assert named(text, "RPATH", "RUNPATH") in ([], [f"{home}/lib"]), file
        if "interpreter:" in text:
            assert f"interpreter: {home}/lib/ld-linux" in text or file.parent.name == "lib", file
    assert "INTERP" not in about[folder / "extensions" / "datadog-agent"], "the launcher is static"
    program, c_library = about[inside / "bin" / "python3.11"], about[inside / "lib" / "libc.so.6"]
    assert named(program, "RPATH") == [f"{home}/lib"]
    assert "NODEFLIB" in program
    assert "NODEFLIB" in c_library
