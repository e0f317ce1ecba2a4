"""Debian's packages for either architecture, at the locked versions: fetched by apt, in a state of its own beside the system's."""

import hashlib
import io
import lzma
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from layer.parts import PROJECT, Architecture, BuildError, NotHereError

LOCK = PROJECT / "requirements" / "layer-debian.txt"
SUITE = "bookworm"


@attrs.frozen
class Locked:
    """One line of the lock: `architecture name version sha256`."""

    architecture: str
    name: str
    version: str
    sha256: str


def read_lock(architecture: Architecture) -> list[Locked]:
    lines = [line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    return [Locked(*line) for line in lines if line[0] == architecture.debian]


def fetch(architecture: Architecture, cache: Path) -> dict[str, Path]:
    """Every locked package as a file, by name. Raises BuildError."""
    files = {locked.name: cache / f"{locked.name}_{locked.architecture}_{locked.sha256[:12]}.deb" for locked in read_lock(architecture)}
    missing = [locked for locked in read_lock(architecture) if not is_whole(files[locked.name], locked.sha256)]
    if missing:
        apt = Apt(architecture, cache / f"apt-{architecture.debian}")
        apt.update()
        for locked in missing:
            apt.download(locked, files[locked.name])
    return files


def is_whole(file: Path, sha256: str) -> bool:
    return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == sha256


class Apt:
    """apt for one architecture, whatever the machine's own is, and with the system's sources or others.

    Signatures are checked as the system does.
    """

    def __init__(self, architecture: Architecture, state: Path, sources: Path | None = None) -> None:
        if shutil.which("apt-get") is None:
            raise NotHereError(f"building the layer needs apt-get, with Debian's sources of {SUITE}: build it on Debian 12 or in its image")
        for folder in ("lists/partial", "cache/archives/partial", "files"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        self._state, self._architecture = state, architecture
        settings = {
            "Dir::State": state,
            "Dir::State::lists": state / "lists",
            "Dir::State::status": state / "status",
            "Dir::Cache": state / "cache",
            "APT::Architecture": architecture.debian,
            "APT::Architectures": architecture.debian,
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
        }
        if sources is not None:
            settings |= {"Dir::Etc::SourceList": sources, "Dir::Etc::SourceParts": "-"}
        self._options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]

    def update(self) -> None:
        self._run("apt-get", "update")

    def newest(self, name: str) -> Locked:
        """As the sources have it now."""
        fields: dict[str, str] = {}
        for line in self._run("apt-cache", "show", "--no-all-versions", name).splitlines():
            key, _, value = line.partition(": ")
            fields.setdefault(key, value)
        return Locked(self._architecture.debian, name, fields["Version"], fields["SHA256"])

    def download(self, locked: Locked, target: Path) -> None:
        folder = self._state / "files"
        shutil.rmtree(folder)
        folder.mkdir()
        try:
            self._run("apt-get", "download", f"{locked.name}={locked.version}", cwd=folder)
        except BuildError as error:
            raise NotHereError(
                f"{error}\nThe sources may no longer have {locked.name} {locked.version}, or be another suite than {SUITE}: "
                "`python -m layer.lock` writes a new lock from what they have"
            ) from error
        [file] = folder.iterdir()
        if not is_whole(file, locked.sha256):
            raise BuildError(f"{file.name} is not what {LOCK.name} says it is")
        file.replace(target)

    def _run(self, program: str, *words: str, cwd: Path | None = None) -> str:
        environment = os.environ | {"LC_ALL": "C"}
        done = subprocess.run(
            [program, *self._options, "-q", *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotHereError(f"{program} {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout


def members(package: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The files of a package, links as they are."""
    with tarfile.open(fileobj=io.BytesIO(_data(package.read_bytes()))) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            yield member, b"" if file is None else file.read()


def _data(package: bytes) -> bytes:
    """The `data.tar` within the `ar` archive that a package is."""
    at = len(b"!<arch>\n")
    while at < len(package):
        name, size = package[at : at + 16].strip().rstrip(b"/"), int(package[at + 48 : at + 58])
        body = package[at + 60 : at + 60 + size]
        if name == b"data.tar.xz":
            return lzma.decompress(body)
        if name == b"data.tar":
            return body
        at += 60 + size + size % 2
    raise BuildError("a package without data, or in a compression that this build does not know")
