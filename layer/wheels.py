"""The locked Python packages, as wheels for one architecture, and what of them is taken along."""

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from layer.parts import LEFT_OUT, PROJECT, WHEELS, Architecture, BuildError, NotHereError

LOCK = PROJECT / "requirements" / "runtime.txt"
PLATFORMS = ("manylinux_2_28", "manylinux2014")  # the layer's own libc is newer than either asks for
FOLDERS_WITHOUT = ("tests", "_tests", "test", "testing", "_tools", "__pycache__", "_cffi", "tarfile", "zipfile")
KINDS_WITHOUT = ("/tarfile.py", ".pyi", ".pyx", ".pxd", ".h", ".c", ".typed")


@attrs.frozen
class Wheel:
    name: str
    version: str
    sha256: str
    file: Path


def fetch(architecture: Architecture, cache: Path) -> list[Wheel]:
    """All of them, in the order of their names. Their hashes are checked by pip. Raises BuildError."""
    folder = cache / f"wheels-{architecture.name}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not (folder / "whole").exists():
        folder.mkdir(parents=True, exist_ok=True)
        platforms = [word for platform in PLATFORMS for word in ("--platform", f"{platform}_{architecture.machine}")]
        download = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--python-version=3.11"]
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *download, *platforms, "-d", str(folder), "-r", str(LOCK)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotHereError(f"pip could not fetch the wheels for {architecture.name}: {done.stderr.strip()}")
        (folder / "whole").touch()
    wheels = [wheel for wheel in map(_wheel, sorted(folder.glob("*.whl"))) if wheel.name not in LEFT_OUT]
    if unknown := {wheel.name for wheel in wheels} ^ set(WHEELS):
        raise BuildError(f"{LOCK.name} and layer/parts.py do not name the same packages: {', '.join(sorted(unknown))}")
    return wheels


def _wheel(file: Path) -> Wheel:
    name, version = file.name.split("-")[:2]
    return Wheel(re.sub(r"[_.]+", "-", name).lower(), version, hashlib.sha256(file.read_bytes()).hexdigest(), file)


def members(wheel: Wheel) -> Iterator[tuple[str, bytes]]:
    """What is to be installed: path below the site folder, and contents. Nothing of tests, headers, types and metadata."""
    with zipfile.ZipFile(wheel.file) as archive:
        for name in archive.namelist():
            if name.endswith(("/", *KINDS_WITHOUT)) or ".dist-info/" in name or set(name.split("/")) & set(FOLDERS_WITHOUT):
                continue
            yield name, archive.read(name)


def licences(wheel: Wheel) -> Iterator[tuple[str, bytes]]:
    """The texts that the wheel carries; its metadata where it has none."""
    with zipfile.ZipFile(wheel.file) as archive:
        inside = [name for name in archive.namelist() if ".dist-info/" in name]
        texts = [name for name in inside if re.search(r"(?i)/[^/]*(licen[cs]e|copying|notice)[^/]*$", name)]
        for name in texts or [name for name in inside if name.endswith("/METADATA")]:
            yield name.rpartition("/")[2], archive.read(name)
