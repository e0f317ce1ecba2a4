"""The layer's files as a zip for Lambda, and as a root file system for images. The same files make the same bytes."""

import io
import tarfile
import zipfile
from pathlib import Path

MOMENT = (1980, 1, 1, 0, 0, 0)  # the first that a zip can tell
PROGRAM = "lambda-reactor"


def make_zip(folder: Path, target: Path) -> None:
    """What Lambda starts comes last: unzipped over another version, it runs that one until all of this one is there."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(files(folder), key=lambda file: file.relative_to(folder).parts[0] != PROGRAM):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)), MOMENT)
            entry.external_attr = (0o100000 | mode(file)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # one with modes
            archive.writestr(entry, file.read_bytes())


def make_tar(folder: Path, target: Path) -> None:
    """As a root file system: all of it below `opt`."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in ["", *sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))]:
            source, entry = folder / path, tarfile.TarInfo(f"opt/{path}".rstrip("/"))
            if source.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            else:
                entry.size, entry.mode = source.stat().st_size, mode(source)
                archive.addfile(entry, io.BytesIO(source.read_bytes()))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def mode(file: Path) -> int:
    return 0o755 if file.stat().st_mode & 0o100 else 0o644
