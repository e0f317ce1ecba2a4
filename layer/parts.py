"""What the layer is made of: architectures, packages, and what of them is taken along."""

from pathlib import Path

import attrs

PROJECT = Path(__file__).resolve().parent.parent
BUILD = PROJECT / "build"
OPT = "/opt/lambda-reactor"  # each build lies in a folder of its own below it: two layers of different versions never mix


class BuildError(Exception):
    """The layer cannot be built; the message says what is wrong, and what to do."""


class NotHereError(BuildError):
    """On this machine: the message says what it lacks, and how to get it."""


@attrs.frozen
class Architecture:
    """One that Lambda has. Names differ between AWS, Debian, compilers and wheels."""

    name: str
    debian: str
    machine: str
    loader: str
    triplet: str


ARCHITECTURES = {
    "x86_64": Architecture("x86_64", "amd64", "x86_64", "ld-linux-x86-64.so.2", "x86_64-linux-gnu"),
    "arm64": Architecture("arm64", "arm64", "aarch64", "ld-linux-aarch64.so.1", "aarch64-linux-gnu"),
}

# Debian's binary packages, with the licence in the words of SPDX.
DEBIAN = {
    "python3.11-minimal": "PSF-2.0",
    "libpython3.11-minimal": "PSF-2.0",
    "libpython3.11-stdlib": "PSF-2.0",
    "libc6": "LGPL-2.1-or-later",
    "libexpat1": "MIT",
    "zlib1g": "Zlib",
    "libssl3": "Apache-2.0",
    "libffi8": "MIT",
    "libstdc++6": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "gcc-12-base": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "ca-certificates": "MPL-2.0",
}

WHEELS = {
    "attrs": "MIT",
    "backports-zstd": "PSF-2.0 AND BSD-3-Clause",
    "google-re2": "BSD-3-Clause",
    "h11": "MIT",
    "idna": "BSD-3-Clause",
    "msgpack": "Apache-2.0",
    "outcome": "MIT OR Apache-2.0",
    "pyyaml": "MIT",
    "sniffio": "MIT OR Apache-2.0",
    "sortedcontainers": "Apache-2.0",
    "trio": "MIT OR Apache-2.0",
}

LEFT_OUT = ("protobuf",)  # for tools and tests: nothing that Lambda runs imports it, and the build, which imports all of that, would notice

# Beside the interpreter. libresolv and libanl are for programs that call them; the interpreter's own look-ups are in libc itself.
LIBRARIES = (
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
    "libz.so.1",
    "libexpat.so.1",
    "libssl.so.3",
    "libcrypto.so.3",
    "libffi.so.8",
    "libstdc++.so.6",
    "libgcc_s.so.1",
)

# Of the standard library's extension modules, those that the extension or a library of it may import.
EXTENSION_MODULES = ("_contextvars", "_ctypes", "_hashlib", "_json", "_queue", "_ssl", "_typing", "mmap", "resource", "termios")


def words(name: str) -> frozenset[str]:
    """Of a list beside this module."""
    lines = (PROJECT / "layer" / name).read_text().splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


WITHOUT, ENCODINGS = words("left_out.txt"), words("encodings.txt")

# Of this project: what Lambda runs. The others in these folders draw, check and replay.
OURS = ("fsm", "protocols", "pipelines", "reactor")
NOT_OURS = ("fsm/check", "fsm/draw", "reactor/agent/replay.py")  # whatever begins so
