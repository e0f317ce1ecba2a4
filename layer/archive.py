"""Runs in the layer's own kind of Python: writes the start of the extension into one file, `start.bin` (launcher/start.py tells its shape).

    python archive.py ROOT SOURCES

`trio_front`, `attrs_record` and the stand-in for attrs are what makes it quick. What a start does not import, with all of that in force,
is left out: it is found in its file.
"""

import sys

BARE = frozenset(sys.modules)  # before anything else is imported
sys.path[:] = [f"{sys.argv[1]}/lib/python3.11", f"{sys.argv[1]}/lib/python3.11/lib-dynload", f"{sys.argv[1]}/site"]

import _imp  # noqa: E402
import marshal  # noqa: E402
import posix  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Codes = dict[str, tuple[bool, str, bytes]]
    Late = dict[str, tuple[str, bytes]]

HEADER_BYTES = 16  # of a .pyc
OPTIMIZE = 2
PIECE = 20  # modules that are read at once
FOLDERS = ("lib/python3.11", "site")
OURS = ("fsm", "protocols", "pipelines", "reactor")
# Imported by somebody at the start, and used by nobody until much later, or never.
LATER = (
    "inspect",
    "idna",
    "traceback",
    "platform",
    "locale",
    "tempfile",
    "shutil",
    "hashlib",
    "linecache",
    "tokenize",
    "ast",
    "dis",
    "textwrap",
    "copy",
    "selectors",
    "warnings",
    "queue",
)
STAND_INS = {"attrs_ahead.py": ("attr", "attrs"), "logging_ahead.py": ("logging",), "re_ahead.py": ("re",), "typing_ahead.py": ("typing",)}
START = ("reactor.__main__", "reactor.hand_over", "reactor.run")
# Imported where they are first needed, which is within the first second of every life.
FIRST_MOMENTS = (
    "fsm.on_demand",
    "fsm.invocation",
    "reactor.config.finding",
    "trio._highlevel_generic",
    "trio._highlevel_socket",
    "trio._signals",
)
# A little later. `inspect` wants the last six, and trio's locks, which TLS takes, want that.
FLUSH = ("trio._ssl", "backports.zstd", "ssl", "ast", "dis", "linecache", "opcode", "token", "tokenize")
ASKED = ("create_connection",)  # by ssl, of socket: it alone is no reason to read the late part of that


def apart(work: "Callable[[], Any]") -> "Any":
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


def loaded(names: tuple[str, ...] = (*START, *FIRST_MOMENTS, *FLUSH)) -> list[str]:
    """What is loaded when the extension is, and what its first moments need, in the order of names."""
    for name in names:
        __import__(name)
    return sorted(set(sys.modules) - BARE)


def loaded_quickly(root: str) -> dict[str, list[str]]:
    """The modules that are still loaded with the archive that has been written in force; and, as they get ready, those of a start alone."""
    start: dict[str, Any] = {"__name__": "start"}
    with open(f"{root}/start.pyc", "rb") as file:
        exec(marshal.loads(file.read()[HEADER_BYTES:]), start)
    archive = start["open_archive"](root)
    load, done = archive.load, []

    def watched(module: "Any") -> None:
        load(module)
        done.append(module.__name__)

    archive.load = watched
    sys.meta_path.insert(0, archive)
    for name in START:
        __import__(name)
    order = [name for name in done if type(sys.modules.get(name)) is type(sys)]
    return {"order": order, "awake": loaded((*START, *FIRST_MOMENTS)), "all": loaded()}


def patterns() -> "dict[tuple[str | bytes, int], tuple[object, ...]]":
    """Every regular expression that a start compiles, as `_sre` is given it."""
    import _sre  # type: ignore[import-not-found]
    import re._compiler as compiler  # type: ignore[import-not-found]

    made: dict[tuple[str | bytes, int], tuple[object, ...]] = {}
    compile_now, given = compiler.compile, []

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(_sre, name)

        def compile(
            self, pattern: object, flags: int, code: list[int], groups: int, names: dict[str, int], order: tuple[str, ...]
        ) -> object:
            given.append((int(flags), [int(word) for word in code], int(groups), dict(names), tuple(order)))
            return _sre.compile(pattern, flags, code, groups, names, order)

    def watched(p: "str | bytes", flags: int = 0) -> object:
        result = compile_now(p, flags)
        made[p, int(flags)] = given[-1]
        return result

    compiler._sre, compiler.compile = Watched(), watched
    loaded()
    return made


def entries(root: str, names: list[str]) -> "Codes":
    """Those that are bytecode; built-in modules, machine code and what the interpreter has frozen into itself are found as ever."""
    found = {}
    for name in names:
        path = name.replace(".", "/")
        if _imp.is_frozen(name) or is_machine_code(root, path):
            continue
        for file in [f"{folder}/{path}{end}.pyc" for folder in FOLDERS for end in ("/__init__", "")]:
            try:
                with open(f"{root}/{file}", "rb") as opened:
                    found[name] = file.endswith("/__init__.pyc"), f"/{file}", opened.read()[HEADER_BYTES:]
            except FileNotFoundError:
                continue
    return found


def is_machine_code(root: str, path: str) -> bool:
    """Where there are both, a package's machine code stands before its bytecode."""
    folder, _, name = f"{root}/site/{path}".rpartition("/")
    try:
        return any(file.startswith(f"{name}.") and file.endswith(".so") for file in posix.listdir(folder))
    except FileNotFoundError:
        return False


def machine_code(root: str, names: list[str]) -> dict[str, str]:
    """The standard library's extension modules, by name: nobody searches folders for them."""
    folder = f"/{FOLDERS[0]}/lib-dynload"
    files = {file.partition(".")[0]: f"{folder}/{file}" for file in sorted(posix.listdir(root + folder)) if file.endswith(".so")}
    return {name: files[name] for name in names if name in files}


def changed(sources: str, codes: "Codes", speakers: "Iterable[str]") -> "tuple[Codes, Late]":
    """The modules as the tricks of this folder make them, the stand-ins; and what comes late of them, where it is known who is loaded."""
    sys.path.append(sys.argv[0].rpartition("/layer/")[0])
    from layer import late_parts

    stand_ins = {name for names in STAND_INS.values() for name in names}
    trees = {name: tree_of(sources, name, file) for name, (_, file, _) in codes.items() if name not in stand_ins}
    late = late_parts.split({name: trees[name] for name in speakers if name in trees and name not in LATER}, ASKED)

    def compiled(name: str, tree: "Any") -> bytes:
        _, _, path = codes[name][1].removesuffix(".pyc").removeprefix("/").partition(codes_folder(name))
        return marshal.dumps(compile(tree, f"{path.removeprefix('/')}.py", "exec", dont_inherit=True, optimize=OPTIMIZE))

    def codes_folder(name: str) -> str:
        return next(folder for folder in FOLDERS if codes[name][1].startswith(f"/{folder}/"))

    result: Codes = {name: (*codes[name][:2], compiled(name, tree)) for name, tree in trees.items()}
    for text, names in STAND_INS.items():
        with open(f"{sources}/{text}") as file:
            code = compile(file.read(), text, "exec", dont_inherit=True, optimize=OPTIMIZE)
        result |= {name: (False, f"/{text}", marshal.dumps(code)) for name in names}
    return result, {name: (names, compiled(name, tree)) for name, (names, tree) in late.items()}


def tree_of(sources: str, name: str, file: str) -> "Any":
    """Of a module, changed. In those of ours and of the libraries, nobody reads annotations at run time."""
    import ast

    from layer import annotations, made_once, trio_front

    path = file.removeprefix("/").removesuffix(".pyc") + ".py"
    with open(f"{sources}/{path.replace(FOLDERS[0], 'library')}") as opened:
        source = opened.read()
    tree = trio_front.CHANGED[name][1](source) if name in trio_front.CHANGED else ast.parse(source)
    return made_once.moved(annotations.removed(tree)) if path.startswith("site/") else tree


def recorded(root: str) -> "dict[str, Any]":
    """Every class that attrs makes of ours and of what we start with."""
    sys.path.append(sys.argv[0].rpartition("/layer/")[0])
    from layer import attrs_record

    recorder = attrs_record.Recorder()
    recorder.watch()
    attrs_record.import_everything(root, OURS)
    return {"classes": recorder.classes, "left_out": recorder.left_out}


def piece_of(codes: "Codes", names: list[str], classes: "dict[str, bytes]") -> bytes:
    """Written from what was read from bytes, so that what is shared in it does not depend on what was made before."""
    records = {name: marshal.loads(record) for name, record in classes.items() if module_of(name) in names}
    return marshal.dumps({name: marshal.loads(codes[name][2]) for name in names} | records)


def module_of(class_name: str) -> str:
    return class_name.partition(":")[0]


def in_pieces(codes: "Codes", order: list[str]) -> list[list[str]]:
    """What a start imports, as it gets ready, some modules to a piece; each of the others is one."""
    together = [name for name in order if name in codes and name not in LATER]
    alone = sorted(codes.keys() - set(together))
    return [together[at : at + PIECE] for at in range(0, len(together), PIECE)] + [[name] for name in alone]


def write(
    root: str,
    codes: "Codes",
    late: "Late",
    classes: "dict[str, bytes]",
    made: object,
    machine: dict[str, str],
    order: list[str],
) -> None:
    body = bytearray()
    pieces = in_pieces(codes, order)

    def put(data: bytes) -> tuple[int, int]:
        body.extend(data)
        return len(body) - len(data), len(data)

    index = {
        "codes": {name: (*codes[name][:2], number) for number, names in enumerate(pieces) for name in names},
        "pieces": [put(piece_of(codes, names, dict(sorted(classes.items())))) for names in pieces],
        "late": {name: (*put(late[name][1]), late[name][0]) for name in sorted(late.keys() & codes.keys())},
        "order": tuple(name for name in order if name in codes),
        "classes": {name: put(record) for name, record in sorted(classes.items()) if module_of(name) not in codes},
        "machine": machine,
        "patterns": made,
        "later": tuple(sorted(set(LATER) & codes.keys())),
    }
    head = marshal.dumps(index)
    with open(f"{root}/start.bin", "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head + body)


def main(root: str, sources: str) -> None:
    names: list[str] = apart(loaded)
    codes = entries(root, names)
    records: dict[str, Any] = apart(lambda: recorded(root))
    for name, reason in records["left_out"].items():
        print(f"attrs makes {name} at each start: {reason!s}")
    machine = machine_code(root, names)
    first: Codes = codes | apart(lambda: changed(sources, codes, ()))[0]
    write(root, first, {}, records["classes"], made := apart(patterns), machine, [])
    quick: dict[str, list[str]] = apart(lambda: loaded_quickly(root))
    kept: Codes = {name: first[name] for name in first if name in quick["all"]}
    ready, late = apart(lambda: changed(sources, {name: codes[name] for name in kept if name in codes}, quick["awake"]))
    write(root, kept | ready, late, records["classes"], made, machine, quick["order"])


if __name__ == "__main__":
    main(*sys.argv[1:])
