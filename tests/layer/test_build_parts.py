"""The steps of the build that need no network: taking packages apart, changing machine code, packing, the bill."""

import io
import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from layer import bill, build, debian, elf, interpreter, pack, wheels
from layer.parts import ARCHITECTURES, DEBIAN, ENCODINGS, WHEELS, WITHOUT, BuildError


def a_package(files, *, compression="xz"):
    """As Debian's: an `ar` archive with a tar in it."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    body = lzma.compress(inner.getvalue()) if compression == "xz" else inner.getvalue()
    parts = {b"debian-binary": b"2.0", f"data.tar{'.' + compression if compression else ''}".encode(): body}
    packed = b"!<arch>\n"
    for name, data in parts.items():
        packed += name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"100644".ljust(8) + str(len(data)).encode().ljust(10) + b"`\n"
        packed += data + b"\n" * (len(data) % 2)
    return packed


@pytest.mark.parametrize("compression", ["xz", ""])
def test_a_package_is_taken_apart(tmp_path, compression):
    file = tmp_path / "a.deb"
    file.write_bytes(a_package({"./usr/bin/x": b"odd", "./etc/y": b"even"}, compression=compression))
    assert [(member.name, data) for member, data in debian.members(file)] == [("./usr/bin/x", b"odd"), ("./etc/y", b"even")]


def test_a_package_in_another_compression_is_refused(tmp_path):
    (tmp_path / "a.deb").write_bytes(a_package({"./x": b""}, compression="zst"))
    with pytest.raises(BuildError):
        list(debian.members(tmp_path / "a.deb"))


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_every_package_is_locked_for_every_architecture(architecture):
    assert [locked.name for locked in debian.read_lock(architecture)] == list(DEBIAN)
    assert all(len(locked.sha256) == 64 and locked.version for locked in debian.read_lock(architecture))


def test_a_file_that_is_not_what_the_lock_says_is_not_taken(tmp_path):
    (tmp_path / "x").write_bytes(b"other")
    assert not debian.is_whole(tmp_path / "x", "0" * 64)
    assert not debian.is_whole(tmp_path / "y", "0" * 64)


@pytest.mark.parametrize(
    ("name", "soname"),
    [
        ("libc.so.6", "libc.so.6"),
        ("libexpat.so.1.8.10", "libexpat.so.1"),
        ("libz.so.1.2.13", "libz.so.1"),
        ("libresolv.so.2", ""),
        ("gconv", ""),
    ],
)
def test_libraries_are_taken_under_the_names_that_they_are_loaded_by(name, soname):
    assert interpreter._soname(name) == soname


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("os.py", True), ("json/decoder.py", True), ("encodings/utf_8.py", True), ("encodings/big5.py", False), ("asyncio/tasks.py", False)],
)
def test_of_the_standard_library_what_a_server_needs_is_taken(path, wanted):
    assert interpreter._is_wanted(path) is wanted


def test_the_lists_name_what_there_is():
    names = set(sys.stdlib_module_names)
    unknown = {word for word in WITHOUT if word.partition("/")[0] not in names and not word.startswith(("_sysconfigdata", "__", "config-"))}
    assert unknown <= {"lib-dynload", "test", "xxlimited"}
    assert {"utf_8", "idna", "ascii", "__init__"} <= ENCODINGS


# --- machine code


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("elf")
    (folder / "a.c").write_text('#include <stdio.h>\nint main(void) { puts("works"); return 0; }\n')
    subprocess.run([compiler, "-g", "-o", "a", "a.c"], cwd=folder, check=True)
    return folder / "a"


def test_a_stripped_program_is_smaller_and_works(program, tmp_path):
    code = program.read_bytes()
    stripped = elf.stripped(code)
    assert len(stripped) < len(code)
    (tmp_path / "b").write_bytes(stripped)
    (tmp_path / "b").chmod(0o755)
    assert subprocess.run([tmp_path / "b"], capture_output=True, check=True).stdout == b"works\n"
    assert elf.stripped(stripped) == stripped


@pytest.mark.parametrize("code", [b"\x7fELF\x01\x01" + bytes(100), b"#!/bin/sh" + bytes(100)])
def test_what_is_no_machine_code_of_64_bits_is_refused(code):
    with pytest.raises(BuildError):
        elf.stripped(code)


@pytest.mark.parametrize("times", [0, 2])
def test_a_loader_of_another_make_is_refused(tmp_path, times):
    (tmp_path / "ld.so").write_bytes(b"x" + elf.CACHE * times)
    with pytest.raises(BuildError):
        elf.forget_system_cache(tmp_path / "ld.so")


def test_a_loader_forgets_the_system_cache_and_keeps_its_size(tmp_path):
    (tmp_path / "ld.so").write_bytes(b"before" + elf.CACHE + b"after")
    elf.forget_system_cache(tmp_path / "ld.so")
    assert (tmp_path / "ld.so").read_bytes() == b"before" + elf.NO_CACHE + b"after"
    assert len(elf.CACHE) == len(elf.NO_CACHE)


# --- wheels, packing, the bill


def test_a_wheel_is_taken_without_tests_headers_and_metadata(tmp_path):
    file = tmp_path / "some_thing-1.2-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("a/__init__.py", "a/tests/test_a.py", "a/_x.c", "a/_x.cpython-311-x86_64-linux-gnu.so", "a/y.pyi", "a/py.typed"):
            archive.writestr(name, "x")
        archive.writestr("some_thing-1.2.dist-info/METADATA", "Name: some-thing")
        archive.writestr("some_thing-1.2.dist-info/licenses/LICENSE.txt", "free")
    wheel = wheels._wheel(file)
    assert (wheel.name, wheel.version) == ("some-thing", "1.2")
    assert [name for name, _ in wheels.members(wheel)] == ["a/__init__.py", "a/_x.cpython-311-x86_64-linux-gnu.so"]
    assert list(wheels.licences(wheel)) == [("LICENSE.txt", b"free")]


def lay_out(folder):
    (folder / "extensions").mkdir(parents=True)
    (folder / "extensions" / "datadog-agent").write_bytes(b"\x7fELF" * 1000)
    (folder / "extensions" / "datadog-agent").chmod(0o755)
    (folder / "b").write_text("text")
    return folder


def test_the_same_files_make_the_same_bytes_whenever_and_wherever(tmp_path):
    made = []
    for name, moment in (("one", 1_000_000_000), ("two", 1_700_000_000)):
        folder = lay_out(tmp_path / name)
        for file in folder.rglob("*"):
            os.utime(file, (moment, moment))
        pack.make_zip(folder, tmp_path / f"{name}.zip")
        pack.make_tar(folder, tmp_path / f"{name}.tar")
        made.append(((tmp_path / f"{name}.zip").read_bytes(), (tmp_path / f"{name}.tar").read_bytes()))
    assert made[0] == made[1]


def test_what_is_packed_keeps_its_modes(tmp_path):
    folder = lay_out(tmp_path / "one")
    pack.make_zip(folder, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()} == {
            "b": 0o100644,
            "extensions/datadog-agent": 0o100755,
        }
    pack.make_tar(folder, tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert [(entry.name, entry.mode, entry.uid, entry.mtime) for entry in archive] == [
            ("opt", 0o755, 0, 0),
            ("opt/b", 0o644, 0, 0),
            ("opt/extensions", 0o755, 0, 0),
            ("opt/extensions/datadog-agent", 0o755, 0, 0),
        ]


def test_what_lambda_starts_is_the_last_of_the_zip(tmp_path):
    """Unzipped over another version, that one is what starts until all of this one is there."""
    folder = lay_out(tmp_path / "one")
    for name in ("lambda-reactor/1/bin/python", "lambda-reactor/1/site/z", "datadog_wrapper"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("text")
    pack.make_zip(folder, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == [
            "lambda-reactor/1/bin/python",
            "lambda-reactor/1/site/z",
            "b",
            "datadog_wrapper",
            "extensions/datadog-agent",
        ]


def test_the_bill_names_every_part_with_version_licence_and_hash():
    architecture = ARCHITECTURES["arm64"]
    locked = debian.read_lock(architecture)
    made = [wheels.Wheel(name, "1", "0" * 64, Path(name)) for name in WHEELS]
    document = json.loads(bill.bill(architecture, locked, made, {"musl": "1"}))
    components = {component["name"]: component for component in document["components"]}
    assert set(components) == {*DEBIAN, *WHEELS, "musl", "lambda-reactor"}
    assert all(component["licenses"][0]["expression"] for component in components.values())
    assert components["libssl3"]["purl"].startswith("pkg:deb/debian/libssl3@3.")
    assert components["trio"]["hashes"][0]["content"] == "0" * 64


@pytest.mark.parametrize("where", ["build", "make_zip"])
def test_a_build_that_was_interrupted_is_no_layer(monkeypatch, tmp_path, where):
    def build_half(architecture):
        stage = tmp_path / f"layer-{architecture.name}"
        (stage / build.place_of().removeprefix("/opt/")).mkdir(parents=True, exist_ok=True)
        if where == "build":
            raise KeyboardInterrupt
        return stage

    def zip_half(stage, target):
        target.write_bytes(b"PK")
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "BUILD", tmp_path)
    monkeypatch.setattr(build, "build", build_half)
    monkeypatch.setattr(build.pack, "make_zip", zip_half)
    monkeypatch.setattr(build.bill, "bill", lambda *words: "{}")
    monkeypatch.setattr(build, "version", lambda name: "1")
    monkeypatch.setattr(wheels, "fetch", lambda architecture, cache: [])
    (tmp_path / "layer-x86_64.zip").write_bytes(b"of an earlier build")
    with pytest.raises(KeyboardInterrupt):
        build.main(["x86_64"])
    assert not build.is_built(ARCHITECTURES["x86_64"])


def test_what_the_machine_lacks_has_an_exit_code_of_its_own(monkeypatch, tmp_path, capsys):
    """What asked for the layer may go on without it then, and not where the build is wrong."""
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(build, "BUILD", tmp_path)
    monkeypatch.setattr(build, "zig_folder", lambda: tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert build.main(["x86_64"]) == build.NOT_HERE
    assert "needs apt-get" in capsys.readouterr().err
    monkeypatch.setattr(debian, "fetch", lambda architecture, cache: {})
    monkeypatch.setattr(wheels, "fetch", lambda architecture, cache: [])
    assert build.main(["x86_64", "if-new"]) == build.FAILED
    assert "not in Debian's packages as expected" in capsys.readouterr().err
