"""What the layer is made of: architectures, packages, and what of them is taken along."""

from pathlib import Path

import attrs

PROJECT = Path(__file__).resolve().parent.parent
BUILD = PROJECT / "build"
OPT = "/opt/lambda-reactor"  # each build lies in a folder of its own below it: two layers of different versions never mix


class BuildError(Exception):
    """The layer cannot be built; the message says what is missing, and how to get it."""


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
LIBRARIES = ("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libz.so.1", "libexpat.so.1", "libssl.so.3")
LIBRARIES += ("libcrypto.so.3", "libffi.so.8", "libstdc++.so.6", "libgcc_s.so.1")

# Of the standard library's extension modules, those that the extension or a library of it may import.
EXTENSION_MODULES = ("_contextvars", "_ctypes", "_hashlib", "_json", "_queue", "_ssl", "_typing", "mmap", "resource", "termios")

# Of the standard library: what no server needs.
WITHOUT = """
    __phello__ _aix_support _bootsubprocess _osx_support _pydecimal _pyio _sysconfigdata antigravity asyncio audioop bdb cProfile cgi
    cgitb chunk code codeop config-3.11-x86_64-linux-gnu config-3.11-aarch64-linux-gnu crypt csv curses dbm distutils doctest ensurepip
    filecmp fileinput ftplib idlelib imaplib imghdr lib2to3 mailbox mailcap modulefinder msilib multiprocessing nntplib optparse pdb pickletools
    pipes plistlib poplib profile pstats pty py_compile pyclbr pydoc pydoc_data rlcompleter sched shelve smtpd smtplib sndhdr sqlite3 sunau
    symtable tabnanny telnetlib test this tkinter trace tty turtle turtledemo unittest uu venv wave webbrowser wsgiref xdrlib xml
    xmlrpc zipapp lib-dynload __pycache__ compileall netrc nturl2path cmd graphlib fractions statistics
    email/_header_value_parser email/headerregistry email/contentmanager email/policy email/mime html http/server http/cookiejar http/cookies
    tarfile urllib/request urllib/robotparser zipfile
""".split()
ENCODINGS = """
    __init__ aliases ascii charmap cp437 idna latin_1 punycode raw_unicode_escape unicode_escape undefined utf_16 utf_16_be utf_16_le utf_32
    utf_32_be utf_32_le utf_7 utf_8 utf_8_sig
""".split()

# Of this project: what Lambda runs. The others in these folders draw, check and replay.
OURS = ("fsm", "protocols", "pipelines", "reactor")
NOT_OURS = ("fsm/check", "fsm/draw", "reactor/agent/replay.py")  # whatever begins so
