"""The layer for one architecture, from locks and sources: `python -m layer.build x86_64` writes build/layer-x86_64.zip."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from layer import bill, debian, interpreter, pack, wheels
from layer.parts import ARCHITECTURES, BUILD, NOT_OURS, OPT, OURS, PROJECT, Architecture, BuildError, NotHereError
from reactor.version import VERSION

CACHE = BUILD / "cache"
MIB = 1024 * 1024
FAILED, MISUSED, NOT_HERE = 1, 2, 3  # exit codes
FLAGS = ("-std=c11", "-Os", "-s", "-static", "-Wall", "-Wextra", "-Werror", "-fno-sanitize=all", "-ffile-prefix-map=.=.")


def sources() -> list[Path]:
    """Of the project: what decides the bytes of a layer."""
    ours = [path for name in OURS for path in (PROJECT / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    recipe = [
        *(PROJECT / "launcher").iterdir(),
        *(PROJECT / "layer").glob("*.py"),
        *(PROJECT / "layer").glob("*.txt"),
        *PROJECT.glob("requirements/*.txt"),
    ]
    return sorted(path for path in {*ours, *recipe} if path.is_file())


def place_of() -> str:
    """Where a layer of these sources lies."""
    return f"{OPT}/{VERSION}-{bill.digest(*sources())[:8]}"


def is_built(architecture: Architecture) -> bool:
    """Of these sources, and to the end: the zip is the last that is written, and the first that goes when it is built anew."""
    name = f"layer-{architecture.name}"
    return (BUILD / f"{name}.zip").exists() and (BUILD / name / place_of().removeprefix("/opt/")).exists()


def build(architecture: Architecture) -> Path:
    """Returns the folder that is /opt. Raises BuildError."""
    CACHE.mkdir(parents=True, exist_ok=True)
    place = place_of()
    stage = BUILD / f"layer-{architecture.name}"
    shutil.rmtree(stage, ignore_errors=True)
    root = stage / place.removeprefix("/opt/")
    zig_folder()  # before anything takes long
    packages, of_wheels = debian.fetch(architecture, CACHE), wheels.fetch(architecture, CACHE)
    texts = BUILD / f"sources-{architecture.name}"
    shutil.rmtree(texts, ignore_errors=True)
    interpreter.unpack(architecture, packages, texts / "library", root)
    gather_site(of_wheels, texts / "site", root / "site")
    interpreter.make_self_contained(architecture, root, place)
    interpreter.add_authorities(packages["ca-certificates"], root / "authorities")
    compile_sources(architecture, texts, root)
    compile_launcher(architecture, place, stage / "extensions" / "datadog-agent")
    shutil.copy(PROJECT / "launcher" / "datadog_wrapper", stage / "datadog_wrapper")
    bill.write_licences(root / "licences", packages, of_wheels, zig_folder() / "lib" / "libc" / "musl" / "COPYRIGHT")
    return stage


def gather_site(of_wheels: list[wheels.Wheel], texts: Path, site: Path) -> None:
    """The packages' sources, and ours, to be compiled; machine code goes to where it is loaded from."""
    for wheel in of_wheels:
        for name, data in wheels.members(wheel):
            target = (site if name.endswith(".so") else texts) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    for name in OURS:
        shutil.copytree(PROJECT / name, texts / name, ignore=_not_ours)
    for source in sorted((PROJECT / "launcher").glob("*.py")):
        texts.with_name(source.name).write_bytes(source.read_bytes())


def _not_ours(folder: str, names: list[str]) -> set[str]:
    left_out = {name for name in names if str((Path(folder) / name).relative_to(PROJECT)).startswith(NOT_OURS)}
    return left_out | {"__pycache__"} & set(names)


def compile_sources(architecture: Architecture, texts: Path, root: Path) -> None:
    run_inside(
        root, architecture, PROJECT / "layer" / "compiled.py", texts / "library", root / "lib" / "python3.11", texts / "site", root / "site"
    )
    run_inside(root, architecture, PROJECT / "layer" / "compiled.py", texts / "start.py", root / "start.pyc")
    run_inside(root, architecture, PROJECT / "layer" / "archive.py", root, texts)


def run_inside(root: Path, architecture: Architecture, script: Path, *words: Path) -> None:
    """A script by the layer's own interpreter, before it lies where it will. Another machine's runs under qemu."""
    command: list[str | Path] = [root / "lib" / architecture.loader, "--library-path", root / "lib", root / "bin" / interpreter.PYTHON]
    if architecture.machine != platform.machine():
        emulator = shutil.which(f"qemu-{architecture.machine}-static") or shutil.which(f"qemu-{architecture.machine}")
        if emulator is None:
            raise NotHereError(f"building for {architecture.name} here needs qemu (on Debian: apt install qemu-user-static)")
        command.insert(0, emulator)
    library = root / "lib" / "python3.11"
    if not (library / "os.pyc").exists():  # the very first script compiles the library that it runs with
        library = words[0]
    environment = {"PYTHONHOME": str(root), "PYTHONPATH": f"{library}:{root}/lib/python3.11/lib-dynload", "PYTHONHASHSEED": "0"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNODEBUGRANGES": "1"}  # columns are shown below a source, and there is none
    done = subprocess.run([*command, "-S", script, *words], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{script.name}: {done.stdout}{done.stderr}")
    print(done.stdout, end="")


def compile_launcher(architecture: Architecture, place: str, target: Path) -> None:
    target.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture.machine}-linux-musl", *FLAGS]
    command += [f'-DLAYER_ROOT="{place}"', "-o", str(target), "launcher/launcher.c"]
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(CACHE / "zig"), "ZIG_LOCAL_CACHE_DIR": str(CACHE / "zig")}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"the launcher cannot be compiled: {done.stderr.strip()}")
    target.chmod(0o755)


def zig_folder() -> Path:
    """Of the Python package; only there where a layer is built."""
    found = find_spec("ziglang")
    if found is None or found.origin is None:
        raise NotHereError("building the layer needs the packages of requirements/layer.txt: `make -f layer.mk layer` installs them")
    return Path(found.origin).parent


def main(words: list[str]) -> int:
    """`ARCHITECTURE [image] [if-new]`; the last: only where the sources have changed since. Exit code 3: not on this machine."""
    architecture = ARCHITECTURES.get(words[0] if words else "")
    if architecture is None:
        print(f"there is no such architecture; there are {', '.join(ARCHITECTURES)}", file=sys.stderr)
        return MISUSED
    target = BUILD / f"layer-{architecture.name}.zip"
    if "if-new" in words and is_built(architecture):
        return 0
    target.unlink(missing_ok=True)
    try:
        stage = build(architecture)
    except BuildError as error:
        print(error, file=sys.stderr)
        return NOT_HERE if isinstance(error, NotHereError) else FAILED
    parts = bill.bill(
        architecture, debian.read_lock(architecture), wheels.fetch(architecture, CACHE), {"musl": f"of zig {version('ziglang')}"}
    )
    (BUILD / f"layer-{architecture.name}.cdx.json").write_text(parts)
    half = target.with_suffix(".half")
    pack.make_zip(stage, half)
    half.replace(target)
    if "image" in words:
        pack.make_tar(stage, BUILD / f"image-{architecture.name}.tar")
    unzipped = sum(file.stat().st_size for file in pack.files(stage))
    print(f"{target.relative_to(PROJECT)}: {target.stat().st_size / MIB:.1f} MiB, {unzipped / MIB:.1f} MiB unzipped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
