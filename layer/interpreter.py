"""A Python of Debian's packages that runs in an empty root: its own loader and libraries, the standard library, authorities."""

import re
import shutil
import subprocess
from pathlib import Path

from layer import debian, elf
from layer.parts import ENCODINGS, EXTENSION_MODULES, LIBRARIES, WITHOUT, Architecture, BuildError, NotHereError

PYTHON = "python3.11"


def unpack(architecture: Architecture, packages: dict[str, Path], sources: Path, root: Path) -> None:
    """`sources` gets the standard library's sources; `root` all that is no source."""
    (root / "bin").mkdir(parents=True)
    dynload = root / "lib" / PYTHON / "lib-dynload"
    dynload.mkdir(parents=True)
    found = set()
    for package in packages.values():
        for member, data in debian.members(package):
            path = member.name.removeprefix("./")
            name = path.rpartition("/")[2]
            if path == f"usr/bin/{PYTHON}":
                target = root / "bin" / PYTHON
            elif re.fullmatch(rf"(usr/)?lib/{architecture.triplet}/[^/]+", path) and (soname := _soname(name)):
                target = root / "lib" / soname
            elif path.startswith(f"usr/lib/{PYTHON}/lib-dynload/") and name.partition(".")[0] in EXTENSION_MODULES:
                target = dynload / name
            elif path.startswith(f"usr/lib/{PYTHON}/") and path.endswith(".py") and _is_wanted(inner := path.split("/", 3)[3]):
                target = sources / inner
            else:
                continue
            if member.isfile():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                found.add(target.name)
    wanted = {PYTHON, architecture.loader, *LIBRARIES, "os.py"}
    if wanted - found:
        raise BuildError(f"not in Debian's packages as expected: {', '.join(sorted(wanted - found))}")


def _soname(name: str) -> str:
    """What a library is loaded as; empty for one that stays behind. `libexpat.so.1.8.10` is loaded as `libexpat.so.1`."""
    if name.startswith("ld-linux-"):
        return name
    soname = re.sub(r"^(.*\.so\.\d+)(\.\d+)*$", r"\1", name)
    return soname if soname in LIBRARIES else ""


def _is_wanted(path: str) -> bool:
    first, _, rest = path.partition("/")
    if first == "encodings":
        return rest.removesuffix(".py") in ENCODINGS
    parts = {first.removesuffix(".py"), path.removesuffix(".py"), f"{first}/{rest.partition('/')[0]}"}
    return parts.isdisjoint(WITHOUT) and "/test/" not in path and "/tests/" not in path


def make_self_contained(architecture: Architecture, root: Path, place: str) -> None:
    """`place`: where `root` will lie when it runs."""
    folder, loader, program = f"{place}/lib", root / "lib" / architecture.loader, root / "bin" / PYTHON
    elf.forget_system_cache(loader)
    # What the program says holds for all that it loads. The C library opens others by itself, for names in the system's configuration.
    elf.make_self_contained(program, folder, f"{folder}/{architecture.loader}")
    elf.make_self_contained(root / "lib" / "libc.so.6", folder)
    for file in [program, *(root / "lib").glob("*.so.*"), *root.rglob("*.so")]:
        file.write_bytes(elf.stripped(file.read_bytes()))
        file.chmod(0o755)


def add_authorities(package: Path, folder: Path) -> None:
    """Mozilla's, each in a file that OpenSSL finds by its hash: a connection reads the one that it needs."""
    if shutil.which("openssl") is None:
        raise NotHereError("building the layer needs the openssl command (on Debian: apt install openssl)")
    folder.mkdir(parents=True)
    for member, data in debian.members(package):
        if member.isfile() and "/mozilla/" in member.name and member.name.endswith(".crt"):
            place(folder, data)


def place(folder: Path, certificate: bytes) -> None:
    words = ["openssl", "x509", "-noout", "-subject_hash"]
    done = subprocess.run(words, input=certificate, capture_output=True, check=True)
    name = done.stdout.decode().strip()
    number = next(number for number in range(100) if not (folder / f"{name}.{number}").exists())
    (folder / f"{name}.{number}").write_bytes(certificate)
