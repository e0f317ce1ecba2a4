"""Runs in the layer's own kind of Python: writes the start of the extension into one file, `start.bin` (launcher/start.py tells its shape).

    python archive.py ROOT SOURCES

`trio_front`, `attrs_record` and the stand-in for attrs are what makes it quick. What a start does not import, with all of that in force, is left
out: it is found in its file.
"""

import sys

BARE = frozenset(sys.modules)  # before anything else is imported
sys.path[:] = [f"{sys.argv[1]}/lib/python3.11", f"{sys.argv[1]}/lib/python3.11/lib-dynload", f"{sys.argv[1]}/site"]

import marshal  # noqa: E402
import posix  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Codes = dict[str, tuple[bool, str, bytes]]

HEADER_BYTES = 16  # of a .pyc
OPTIMIZE = 2
FOLDERS = ("lib/python3.11", "site")
OURS = ("fsm", "protocols", "pipelines", "reactor")
# Imported by somebody at the start, and used by nobody until much later, or never.
LATER = ("inspect", "idna", "traceback", "platform", "locale", "tempfile", "shutil", "hashlib", "linecache", "tokenize", "ast", "dis", "textwrap")


def apart(work: "Callable[[], object]") -> object:
    """What `work` gives, in a process of its own: it imports what it wants."""
    read, write = posix.pipe()
    child = posix.fork()
    if child == 0:
        posix.close(read)
        try:
            with open(write, "wb") as file:
                file.write(marshal.dumps(work()))
        except BaseException:
            sys.excepthook(*sys.exc_info())
            posix._exit(1)
        posix._exit(0)
    posix.close(write)
    with open(read, "rb") as file:
        result = file.read()
    if posix.waitpid(child, 0)[1]:
        sys.exit(1)
    return marshal.loads(result)


def loaded() -> list[str]:
    """What is loaded when the extension is, in the order of names."""
    import reactor.__main__
    import reactor.hand_over
    import reactor.run

    return sorted(set(sys.modules) - BARE)


def loaded_quickly(root: str) -> list[str]:
    """The same with the archive that has been written in force, and modules of later left out that were not needed."""
    start = {"__name__": "start"}
    with open(f"{root}/start.pyc", "rb") as file:
        exec(marshal.loads(file.read()[HEADER_BYTES:]), start)
    archive = start["open_archive"](root)  # type: ignore[operator]
    sys.meta_path.insert(0, archive)
    return loaded()


def entries(root: str, names: list[str]) -> "Codes":
    """Those that are bytecode; built-in modules and machine code are found as ever."""
    found = {}
    for name in names:
        path = name.replace(".", "/")
        for file in [f"{folder}/{path}{end}.pyc" for folder in FOLDERS for end in ("/__init__", "")]:
            try:
                with open(f"{root}/{file}", "rb") as opened:
                    found[name] = file.endswith("/__init__.pyc"), f"/{file}", opened.read()[HEADER_BYTES:]
            except FileNotFoundError:
                continue
    return found


def changed(sources: str, codes: "Codes") -> "Codes":
    """trio's modules as `trio_front` makes them, and the stand-in for attrs."""
    sys.path.append(sys.argv[0].rpartition("/")[0])
    import trio_front

    result: Codes = {}
    for name, (path, change) in trio_front.CHANGED.items():
        with open(f"{sources}/site/{path}") as file:
            code = compile(change(file.read()), path, "exec", dont_inherit=True, optimize=OPTIMIZE)
        result[name] = (*codes[name][:2], marshal.dumps(code))
    with open(f"{sources}/attrs_ahead.py") as file:
        code = compile(file.read(), "attrs_ahead.py", "exec", dont_inherit=True, optimize=OPTIMIZE)
    for name in ("attr", "attrs"):
        result[name] = False, "/attrs_ahead.py", marshal.dumps(code)
    return result


def recorded(root: str) -> dict[str, dict[str, object]]:
    """Every class that attrs makes of ours and of what we start with."""
    sys.path.append(sys.argv[0].rpartition("/")[0])
    import attrs_record

    recorder = attrs_record.Recorder()
    recorder.watch()
    attrs_record.import_everything(root, OURS)
    return {"classes": recorder.classes, "left_out": recorder.left_out}


def write(root: str, codes: "Codes", classes: object) -> None:
    later = frozenset(LATER) & codes.keys()
    with open(f"{root}/start.bin", "wb") as file:
        file.write(marshal.dumps({"codes": dict(sorted(codes.items())), "classes": classes, "later": tuple(sorted(later))}))


def main(root: str, sources: str) -> None:
    names: list[str] = apart(loaded)  # type: ignore[assignment]
    codes = entries(root, names)
    codes |= apart(lambda: changed(sources, codes))  # type: ignore[operator]
    records: dict[str, dict[str, str]] = apart(lambda: recorded(root))  # type: ignore[assignment]
    for name, reason in records["left_out"].items():
        print(f"attrs makes {name} at each start: {reason}")
    write(root, codes, records["classes"])
    quick: list[str] = apart(lambda: loaded_quickly(root))  # type: ignore[assignment]
    write(root, {name: code for name, code in codes.items() if name in quick}, records["classes"])


if __name__ == "__main__":
    main(*sys.argv[1:])
