"""`typing`, as far as a start needs it: in the layer it stands for it until something asks for more than it has.

Annotations are gone from the archive (layer/annotations.py); what is left of typing at run time are base classes and names. Here they cost
next to nothing, and mean nothing: a name with brackets is the name, a generic class with brackets is the class. Whatever is not here is the
real module's, which is imported for it.
"""

import sys
from _collections_abc import (  # noqa: F401
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from collections import namedtuple

ARCHIVE = __spec__.loader
TYPE_CHECKING = False


class Form:
    """A word of the type language: a name, with brackets or without, alone or in a union."""

    __slots__ = ("_name",)

    def __init__(self, name, *_, **__):
        self._name = name

    def __getitem__(self, parameters):
        return self

    def __or__(self, other):
        return self

    __ror__ = __or__

    def __repr__(self):
        return f"typing.{self._name}"


class TypeVar(Form):
    __slots__ = ()


class ParamSpec(TypeVar):
    __slots__ = ()
    args = kwargs = None


class Base:
    """`Generic[T]` among the bases: `Generic`, unless another base is generic already."""

    __slots__ = ("_kind",)

    def __init__(self, kind):
        self._kind = kind

    def __mro_entries__(self, bases):
        others = [
            base
            for base in bases[bases.index(self) + 1 :]
            if isinstance(base, Base) or (isinstance(base, type) and issubclass(base, Generic))
        ]
        return () if others else (self._kind,)


class Generic:
    __slots__ = ()

    def __class_getitem__(cls, parameters):
        return Base(cls) if cls in (Generic, Protocol) else cls


class Protocol(Generic):
    __slots__ = ()


class _NamedTuple:
    """The base that a class asks for; the class that it gets is a plain named tuple."""

    __slots__ = ()

    def __mro_entries__(self, bases):
        return (_NAMED,)

    def __call__(self, name, fields=None, /, **others):
        return real().NamedTuple(name, fields, **others)


class _NamedMeta(type):
    def __new__(cls, name, bases, body):
        if Generic in bases:
            raise TypeError("a generic named tuple is left to typing itself")
        fields = body.get("__annotations__", {})
        defaults = [field for field in fields if field in body]
        if [field in body for field in fields] != sorted(field in body for field in fields):
            raise TypeError("a field without a default follows one that has a default")
        made = namedtuple(name, fields, defaults=[body[field] for field in defaults], module=body["__module__"])
        made.__annotations__ = made.__new__.__annotations__ = fields
        for key, value in body.items():
            if key not in ("__module__", "__name__", "__annotations__") and key not in fields:
                setattr(made, key, value)
        return made


_NAMED = type.__new__(_NamedMeta, "NamedTuple", (), {})
NamedTuple = _NamedTuple()


def cast(kind, value):
    return value


def _as_it_is(thing):
    return thing


final = _as_it_is


def overload(function):
    return _refuse


def _refuse(*arguments, **keywords):
    raise NotImplementedError("an overload alone is not to be called")


_FORMS = (
    "Any AnyStr ClassVar Final Literal NoReturn Never Optional Self TypeAlias TypeGuard Union Annotated Concatenate Unpack SupportsIndex"
)
for _name in _FORMS.split():
    globals()[_name] = Form(_name)

Dict, FrozenSet, List, Set, Tuple, Type = dict, frozenset, list, set, tuple, type  # these are asked whether something is one of them


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    if name in ("Pattern", "Match"):
        import re

        return getattr(re, name)
    return getattr(real(), name)


_real = []


def real():
    """typing itself, imported now, and put aside again: what is made of one kind of type variable and the other's base would be broken."""
    if not _real:
        ours = sys.modules.pop("typing")
        ARCHIVE.forget("typing")
        import importlib

        try:
            _real.append(importlib.import_module("typing"))
        finally:
            sys.modules["typing"] = ours
    return _real[0]
