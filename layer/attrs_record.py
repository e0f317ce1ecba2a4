"""Runs in the layer's own kind of Python: lets attrs make every class of the modules that are imported, and records what it made.

The record is what launcher/attrs_ahead.py puts on the classes at a start; its shape is told there. A class with something that cannot be
recorded is left out, and attrs makes it at each start.
"""

import marshal
import sys
from functools import partial
from types import FunctionType
from typing import Any

GENERATED = "<attrs generated methods"
KNOWN_GLOBALS = ("NOTHING", "attr_dict", "_cached_setattr_get", "_compat", "_config")
PREFIXES = ("__attr_factory_", "__attr_converter_", "__attr_validator_", "__attr_")
COMMON = {  # by name: functions of attrs that look the same on every class
    "__setattr__": "_frozen_setattrs",
    "__delattr__": "_frozen_delattrs",
    "__ne__": "__ne__",
    "__getstate__": "slots_getstate",
    "__setstate__": "slots_setstate",
    "__lt__": "__lt__",
    "__le__": "__le__",
    "__gt__": "__gt__",
    "__ge__": "__ge__",
}
NOT_COPIED = (
    "__attrs_attrs__",
    "__attrs_props__",
    "__slots__",
    "__weakref__",
    "__dict__",
    "__doc__",
    "__module__",
    "__qualname__",
    "__annotations__",
)


class Unrecorded(Exception):
    """A class that attrs is to make at each start; says why."""


class Recorder:
    """Between the modules and attrs. `classes` are the records, `left_out` the reasons."""

    def __init__(self) -> None:
        self.classes: dict[str, bytes] = {}
        self.left_out: dict[str, str] = {}

    def watch(self) -> None:
        """Before anything else imports attrs."""
        import attr
        import attrs

        for module, names in ((attr, ("s", "define", "frozen", "mutable")), (attrs, ("define", "frozen", "mutable"))):
            for name in names:
                setattr(module, name, self._watched(getattr(module, name)))

    def _watched(self, decorator: Any) -> Any:
        def watched(maybe_class: Any = None, **options: Any) -> Any:
            def decorate(cls: type) -> type:
                body = dict(cls.__dict__)
                made: type = decorator(**options)(cls)
                self._record(body, made)
                return made

            return decorate if maybe_class is None else decorate(maybe_class)

        return watched

    def _record(self, body: dict[str, Any], made: type) -> None:
        name = f"{body['__module__']}:{made.__qualname__}"
        try:
            self.classes[name] = marshal.dumps(recorded(body, made, self))
        except (Unrecorded, ValueError) as error:
            self.left_out[name] = str(error) or "not to be written down"

    def knows(self, cls: type) -> bool:
        return any(key.rpartition(":")[2] == cls.__qualname__ for key in self.classes)


def recorded(body: dict[str, Any], made: type, recorder: Recorder) -> dict[str, Any]:
    from attr._make import _CountingAttr

    attributes = made.__dict__["__attrs_attrs__"]
    for base in made.__mro__[1:]:
        if "__attrs_attrs__" in base.__dict__ and not recorder.knows(base):
            raise Unrecorded(f"{base.__qualname__} is not recorded")
    slots = made.__dict__["__slots__"] if "__slots__" in made.__dict__ and "__slots__" not in body else None
    methods, common, values = [], [], {}
    for name, value in made.__dict__.items():
        if name in NOT_COPIED or value is body.get(name, Unrecorded) or name in (slots or ()) or name == "_abc_impl":
            continue
        if name == "__repr__" and isinstance(value, FunctionType) and all(one.repr in (True, False) for one in attributes):
            common.append(name)  # the longest of all, and the same for all
        elif isinstance(value, FunctionType) and value.__code__.co_filename.startswith(GENERATED):
            methods.append((name, value.__code__, *defaults(value, attributes)))
        elif isinstance(value, FunctionType) and COMMON.get(name) == value.__code__.co_name:
            common.append(name)
        elif value is None or isinstance(value, (bool, tuple)):
            values[name] = value
        elif name not in ("__abstractmethods__", "__parameters__"):
            raise Unrecorded(f"{name} is not known")
    return {
        "fields": fields(body, _CountingAttr),
        "slots": slots,
        "methods": tuple(methods),
        "common": tuple(common),
        "values": values,
        "names": needed(methods),
        "attributes": tuple((one.name, one.alias, one.init, bool(one.order), bool(one.repr)) for one in attributes),
        "names itself": any(map(partial(has_cell_of, made), made.__dict__.values())),
    }


def has_cell_of(cls: type, value: Any) -> bool:
    """Whether this method says `super()` or `__class__`."""
    function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value.fget if isinstance(value, property) else value
    for cell in getattr(function, "__closure__", None) or ():
        try:
            if cell.cell_contents is cls:
                return True
        except ValueError:  # an empty one
            continue
    return False


def fields(body: dict[str, Any], kind: type) -> tuple[str, ...]:
    return (*body.get("__annotations__", ()), *sorted(name for name, value in body.items() if isinstance(value, kind)))


def defaults(function: FunctionType, attributes: Any) -> tuple[tuple[str, ...] | None, dict[str, str]]:
    """The fields whose defaults these are. Parameters are called by alias."""
    by_alias = {one.alias: one.name for one in attributes}
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    given = None if function.__defaults__ is None else tuple(by_alias[name] for name in positional[-len(function.__defaults__) :])
    return given, {name: by_alias[name] for name in function.__kwdefaults__ or ()}


def needed(methods: list[Any]) -> tuple[str, ...]:
    """The globals that these methods use beside the built-in ones."""
    import builtins
    import dis

    names = set()
    for _, code, *_ in methods:
        names |= {one.argval for one in dis.get_instructions(code) if one.opname == "LOAD_GLOBAL"}
    names = {name for name in names if not hasattr(builtins, name)}
    if unknown := {name for name in names if name not in KNOWN_GLOBALS and not name.startswith(PREFIXES)}:
        raise Unrecorded(f"uses {', '.join(sorted(unknown))}")
    return tuple(sorted(names))


def import_everything(root: str, packages: tuple[str, ...]) -> None:
    """Every module of these packages, so that those of later moments find their classes made ahead, too."""
    import importlib
    import os

    for package in packages:
        for folder, _, files in sorted(os.walk(f"{root}/site/{package}")):
            for file in sorted(files):
                if file.endswith(".pyc") and file not in ("__main__.pyc",):
                    path = f"{folder[len(root) + 6 :]}/{file[:-4]}".replace("/", ".")
                    importlib.import_module(path.removesuffix(".__init__"))


if __name__ == "__main__":
    sys.exit("a part of archive.py")
