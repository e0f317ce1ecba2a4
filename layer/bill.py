"""What is inside: a bill of materials beside the layer (CycloneDX 1.5), and everybody's licence within it."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from layer import debian, wheels
from layer.parts import DEBIAN, PROJECT, WHEELS, Architecture
from reactor.version import VERSION

README = """What this layer is made of, each with its licence in the folder of its name.

The GNU C Library (libc6) is under the LGPL: its source, as that of every package from Debian, is what `apt-get source NAME=VERSION`
brings from Debian's archive for the version in the bill of materials; any build of the library may take the place of the one in `lib`.
"""


def bill(architecture: Architecture, locked: list[debian.Locked], packages: list[wheels.Wheel], launcher: dict[str, str]) -> str:
    """As text that is the same whenever it is made."""
    components = [_component("lambda-reactor", VERSION, "Apache-2.0", f"pkg:pypi/lambda-reactor@{VERSION}", None)]
    for one in locked:
        url = f"pkg:deb/debian/{one.name}@{one.version}?arch={one.architecture}&distro={debian.SUITE}"
        components.append(_component(one.name, one.version, DEBIAN[one.name], url, one.sha256))
    for wheel in packages:
        url = f"pkg:pypi/{wheel.name}@{wheel.version}"
        components.append(_component(wheel.name, wheel.version, WHEELS[wheel.name], url, wheel.sha256))
    for name, version in launcher.items():
        components.append(_component(name, version, "MIT", f"pkg:generic/{name}@{version}", None))
    subject = {"type": "application", "name": f"lambda-reactor-layer-{architecture.name}", "version": VERSION}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": subject}, "components": components}
    return json.dumps(document, indent=1) + "\n"


def _component(name: str, version: str, licence: str, url: str, sha256: str | None) -> dict[str, Any]:
    component: dict[str, Any] = {"type": "library", "name": name, "version": version, "purl": url, "licenses": [{"expression": licence}]}
    if sha256 is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    return component


def write_licences(folder: Path, packages: dict[str, Path], of_wheels: list[wheels.Wheel], musl: Path) -> None:
    """One folder for each part; a text that several share is written once for each."""
    (folder / "lambda-reactor").mkdir(parents=True)
    (folder / "README").write_text(README)
    for name in ("LICENSE", "NOTICE"):
        (folder / "lambda-reactor" / name).write_bytes((PROJECT / name).read_bytes())
    texts = {name: dict(_copyrights(package)) for name, package in packages.items()}
    for name in packages:
        found = texts[name] or texts["gcc-12-base" if name.startswith(("libgcc", "libstdc")) else "python3.11-minimal"]
        for file, text in found.items():
            _write(folder / name / file, text)
    for wheel in of_wheels:
        for file, text in wheels.licences(wheel):
            _write(folder / wheel.name / file, text)
    _write(folder / "musl" / "COPYRIGHT", musl.read_bytes())


def _copyrights(package: Path) -> list[tuple[str, bytes]]:
    """Where a package's folder of documents is a link to another's, that one has the text."""
    return [
        ("copyright", data)
        for member, data in debian.members(package)
        if member.isfile() and re.search(r"/share/doc/[^/]+/copyright$", member.name)
    ]


def _write(file: Path, text: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text)


def digest(*files: Path) -> str:
    """Of names and contents."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(PROJECT)}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return total.hexdigest()
