"""A layer in small: this very Python's standard library and packages, with the start archive that the real build would make of them."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent
PACKAGES = ("trio", "attr", "attrs", "h11", "outcome", "sniffio", "sortedcontainers", "idna", "backports", "yaml", "msgpack", "re2")
LATER = (
    "inspect",
    "traceback",
    "linecache",
    "tokenize",
    "ast",
    "dis",
    "textwrap",
    "platform",
    "locale",
    "hashlib",
    "copy",
    "selectors",
    "typing",
    "socket",
    "signal",
    "threading",
    "contextlib",
    "functools",
    "warnings",
)
OURS = ("fsm", "protocols", "pipelines", "reactor")


@pytest.fixture(scope="session")
def mini(tmp_path_factory):
    """Its root. Where the interpreter is not the layer's 3.11 there is none."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the layer has Python 3.11: what is made ahead for it can be tried by that alone")
    root, sources = tmp_path_factory.mktemp("layer"), tmp_path_factory.mktemp("sources")
    installed = Path(sysconfig.get_paths()["purelib"])
    library, stdlib = root / "lib" / "python3.11", Path(sysconfig.get_paths()["stdlib"])
    library.mkdir(parents=True)
    for entry in stdlib.iterdir():
        if entry.name not in ("re", "collections", "site-packages", "__pycache__"):
            (library / entry.name).symlink_to(entry)
    (sources / "site").mkdir()
    (sources / "library").symlink_to(stdlib)
    for name in PACKAGES:
        (sources / "site" / name).symlink_to(installed / name)
    for name in OURS:
        copy_ours(PROJECT / name, sources / "site" / name)
    for source in sorted((PROJECT / "launcher").glob("*.py")):
        (sources / source.name).write_bytes(source.read_bytes())
    run("compiled.py", *(word for name in (*PACKAGES, *OURS) for word in (sources / "site" / name, root / "site" / name)))
    run(
        "compiled.py", *(word for name in ("re", "collections") for word in (stdlib / name, library / name))
    )  # of the standard library, what the tricks change or put off
    run("compiled.py", *(word for name in LATER for word in (stdlib / f"{name}.py", library / f"{name}.pyc")))
    run("compiled.py", sources / "start.py", root / "start.pyc")
    run("archive.py", root, sources)
    return root


def copy_ours(source, target):
    """Without what the layer leaves out."""
    from layer.parts import NOT_OURS

    for file in source.rglob("*.py"):
        if not str(file.relative_to(PROJECT)).startswith(NOT_OURS):
            (target / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (target / file.relative_to(source)).write_bytes(file.read_bytes())


def run(script, *words):
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [os.path.realpath(sys.executable), "-S", str(PROJECT / "layer" / script), *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# What start.py does before it begins, and then the code of a test.
PRELUDE = """
import marshal, sys
root, plain = {root!r}, {plain!r}
sys.path[:] = [root + "/lib/python3.11", root + "/lib/python3.11/lib-dynload", root + "/site"]
if not plain:
    start = {{"__name__": "start"}}
    with open(root + "/start.pyc", "rb") as file:
        exec(marshal.loads(file.read()[16:]), start)
    archive = start["open_archive"](root)
    sys.meta_path.insert(0, archive)
"""


@pytest.fixture
def start(mini):
    """Run code as the layer's start would, or as its plain start; what it printed."""

    def start(code, *, plain=False):
        text = PRELUDE.format(root=str(mini), plain=plain) + code
        command = [os.path.realpath(sys.executable), "-I", "-S", "-B", "-W", "error", "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        return done.stdout

    return start


@pytest.fixture
def alike(start):
    """The same code prints the same with all tricks and with none; what it printed."""

    def alike(code):
        quick, plain = start(code), start(code, plain=True)
        assert quick == without_typing(plain)
        return quick

    return alike


def without_typing(text):
    """typing's stand-in has no metaclass of its own, and its `Callable` is the plain one."""
    return text.replace("_ProtocolMeta", "type").replace("typing _CallableGenericAlias", "collections.abc _CallableGenericAlias")
