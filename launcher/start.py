"""What the launcher becomes, inside the layer: `python3.11 -I -S start.pyc DESCRIPTOR`. From here on it is `python -m reactor`.

Beside it lie `lib/python3.11` and `site`, with every module in a file of its own, and `start.bin`: a size in eight bytes, a marshalled
index of that size, and what the index tells the place (offset, size) of: `pieces`, each the codes of some modules and the records of
their classes {name: code or record}; `late`, the code of what a start does not need of a module, with the names that it defines;
`classes`, the records of all other classes. In the index itself are `codes`, the modules of the start {name:
(is a package, path, number of its piece)}, `order`, those that every start imports, each after what it imports itself, `machine`, the
standard library's extension modules {name: path}, `patterns`, compiled expressions {(pattern, flags): arguments of _sre.compile}, and
`later`, the names of modules that are loaded when something in them is asked for. A module that is not in there is found in its file.
Where `DD_PLAIN_START` is set, or `start.bin` cannot be read, all are.
"""

import marshal
import posix
import sys
from _frozen_importlib import ModuleSpec
from _imp import acquire_lock, release_lock

PLAIN = (b"1", b"t", b"true", b"yes", b"on")
LIBRARY, SITE, ARCHIVE, AUTHORITIES = "/lib/python3.11", "/site", "/start.bin", "/authorities"
SIZE_BYTES = 8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any


class Later(type(sys)):  # type: ignore[misc]
    """A module that is loaded when something in it is first asked for."""

    def __getattr__(self, name: str) -> object:
        if type(self) is not Later:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self.__class__ = type(sys)  # type: ignore[assignment]
        self.__loader__.load(self)  # type: ignore[attr-defined]
        return getattr(self, name)


class Late:
    """The `__getattr__` of a module a part of which is loaded when somebody first asks for one of its names."""

    def __init__(self, archive: "Archive", module: "ModuleType", names: str) -> None:
        self._archive, self._module, self._names = archive, module, names

    def __call__(self, name: str) -> object:
        module = self._module
        acquire_lock()
        try:
            if f" {name} " in self._names:
                self._names = ""
                self._archive.load_late(module)
        finally:
            release_lock()
        if name in module.__dict__:
            return module.__dict__[name]
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")


class Archive:
    """Finds and loads the modules of `start.bin`. Each is taken out when it is loaded: what is asked for again comes from its file."""

    def __init__(self, root: str, fd: int) -> None:
        size = int.from_bytes(posix.pread(fd, SIZE_BYTES, 0), "little")
        if size > posix.fstat(fd).st_size:
            raise ValueError("cut short")
        contents = marshal.loads(posix.pread(fd, size, SIZE_BYTES))
        self._codes: dict[str, tuple[bool, str, int]] = contents["codes"]
        self._pieces: list[tuple[int, int]] = contents["pieces"]
        self._room = bytearray()  # for what is read while modules are imported ahead
        self._read: dict[str, Any] = {}  # and not loaded so far
        self._late: dict[str, tuple[int, int, str]] = contents["late"]
        self._order: tuple[str, ...] = contents["order"]
        self._classes: dict[str, tuple[int, int]] = contents["classes"]
        self._machine: dict[str, str] = contents["machine"]
        self._later: tuple[str, ...] = contents["later"]
        self.patterns = contents["patterns"]
        self.making: Any = None  # attrs_ahead.py, which puts it here, makes classes with it
        self._root, self._fd, self._begin = root, fd, SIZE_BYTES + size

    def find_spec(self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None) -> "ModuleSpec | None":
        found = self._codes.get(name)
        if found is None:
            return self._find_machine_code(name) if name in self._machine else None
        is_package, file = found[:2]
        spec = ModuleSpec(name, self, origin=self._root + file, is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [(self._root + file).rpartition("/")[0]]
        return spec

    def _find_machine_code(self, name: str) -> "ModuleSpec | None":
        import _frozen_importlib_external as external

        path = self._root + self._machine[name]
        return external.spec_from_file_location(name, path, loader=external.ExtensionFileLoader(name, path))

    def create_module(self, spec: "ModuleSpec") -> None:
        """The usual one."""

    def exec_module(self, module: "ModuleType") -> None:
        if module.__name__ in self._later:
            module.__class__ = Later
        else:
            self.load(module)

    def load(self, module: "ModuleType") -> None:
        """Modules that are loaded together are read together: their strings are made and looked up once."""
        name = module.__name__
        _, _, piece = self._codes.pop(name)
        if name not in self._read:
            self._read |= marshal.loads(self._bytes(*self._pieces[piece]))
        if name in self._late:
            module.__dict__["__getattr__"] = Late(self, module, self._late[name][2])
        exec(self._read.pop(name), module.__dict__)

    def _bytes(self, at: int, size: int) -> "bytes | bytearray":
        """These of the body. Where there is room for them, in there: memory that is new each time costs more than what is read."""
        if size > len(self._room):
            return posix.pread(self._fd, size, self._begin + at)
        if posix.preadv(self._fd, [self._room], self._begin + at) < size:
            raise EOFError("cut short")
        return self._room

    def load_late(self, module: "ModuleType") -> None:
        """What of the module a start does not need. What has its name there already keeps it."""
        at, size, _ = self._late.pop(module.__name__)
        code = marshal.loads(self._bytes(at, size))
        before = dict(module.__dict__)
        exec(code, module.__dict__)
        module.__dict__.update(before)

    def load_ahead(self) -> None:
        """Import what every start imports, without the import system's locks and searches; each module finds there what it imports.

        What imports in a circle, or within a package that is not there yet, and what fails, is left to `import`.
        """
        self._room = bytearray(max([size for _, size in self._pieces]))
        try:
            self._import_in_order()
        finally:
            self._room = bytearray()  # from now on there may be threads

    def _import_in_order(self) -> None:
        loaded, forbidden = sys.modules, self._later
        for name in self._order:
            parent, _, last = name.rpartition(".")
            if name in loaded or name in forbidden or (parent and parent not in loaded):
                continue
            module = loaded[name] = self._new_module(name, parent)
            try:
                self.load(module)
            except Exception:  # whoever imports it says so
                loaded.pop(name, None)
                return
            if parent:
                setattr(loaded[parent], last, loaded[name])

    def _new_module(self, name: str, parent: str) -> "ModuleType":
        """As the import system makes it."""
        module = type(sys)(name)
        spec: Any = self.find_spec(name)
        is_package = spec.submodule_search_locations is not None
        new = module.__dict__
        new["__spec__"], new["__loader__"], new["__package__"] = spec, self, name if is_package else parent
        new["__file__"] = new["__cached__"] = spec.origin
        if is_package:
            new["__path__"] = spec.submodule_search_locations
        return module

    def forget(self, name: str) -> None:
        """The module of this name comes from its file."""
        self._codes.pop(name, None)
        self._read.pop(name, None)

    def real(self, name: str) -> "ModuleType":
        """Of a module that has had a stand-in: itself, imported now. Who has the stand-in keeps it."""
        import importlib

        sys.modules.pop(name, None)
        self.forget(name)
        return importlib.import_module(name)

    def class_record(self, name: str) -> "Any":
        """For attrs_ahead.py. It came with its module, or is read now; None where there is none."""
        if name in self._read:
            return self._read.pop(name)
        found = self._classes.pop(name, None)
        return None if found is None else marshal.loads(self._bytes(*found))

    def get_source(self, name: str) -> None:
        """The layer has none."""


def open_archive(root: str) -> "Archive | None":
    try:
        fd = posix.open(root + ARCHIVE, posix.O_RDONLY | posix.O_CLOEXEC)
        return Archive(root, fd)  # it stays open: what is needed later is read later
    except (OSError, ValueError, EOFError, TypeError, KeyError):
        return None


def trust_our_authorities(root: str) -> None:
    """A runtime's image may have none where this OpenSSL looks. Who names a file or a folder is obeyed."""
    if b"SSL_CERT_FILE" not in posix.environ and b"SSL_CERT_DIR" not in posix.environ:
        folder = (root + AUTHORITIES).encode()
        posix.environ[b"SSL_CERT_DIR"] = folder
        posix.putenv(b"SSL_CERT_DIR", folder)


def begin(root: str, descriptor: int) -> int:
    sys.path[:] = [root + LIBRARY, root + LIBRARY + "/lib-dynload", root + SITE]
    is_plain = posix.environ.get(b"DD_PLAIN_START", b"").strip().lower() in PLAIN
    archive = None if is_plain else open_archive(root)
    if archive is not None:
        import gc

        gc.disable()  # nothing of what is loaded is garbage; the reactor turns it on again
        sys.meta_path.insert(0, archive)
        archive.load_ahead()
    trust_our_authorities(root)
    from reactor import __main__ as extension

    return extension.begin(descriptor)


if __name__ == "__main__":
    code = begin(sys.argv[0].rpartition("/")[0], int(sys.argv[1]))
    from reactor.last_resort import leave

    leave(code)
