"""`attrs`, with the classes made ahead: in the layer it stands for `attr` and `attrs` until something asks for more than it has.

Making a class takes attrs 0.2 ms, nearly all of it writing and compiling methods that are the same at every start. The layer's build lets
attrs do that once (layer/attrs_record.py) and keeps the compiled methods of each class; here they are put on the class again. Whatever is
not a class that was recorded, with the very fields that were recorded, is left to attrs itself, which is imported for it.

A recorded class is {"fields": names annotated or assigned, "slots": names or None, "methods": ((name, code, defaults, keyword
defaults)...), "common": names of methods that attrs does not compile, "names": globals that methods use, "values": what else is set,
"attributes": ((name, alias, in init, in order, in repr)...), "names itself": whether methods have a cell for the class}.
"""

import sys
from _thread import _local
from types import CodeType, FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

ARCHIVE: "Any" = __spec__.loader
OWN = "__attrs_attrs__"
NOTHING = type("Nothing", (), {"__repr__": lambda self: "NOTHING", "__bool__": lambda self: False})()
OF_EXCEPTIONS = ("__cause__", "__context__", "__traceback__", "__suppress_context__", "__notes__")
_real_modules: "dict[str, Any]" = {}


class Field:
    """What `field()` gives until the class is made."""

    made = 0

    def __init__(self, options: "dict[str, Any]") -> None:
        Field.made += 1
        self.options, self.number = options, Field.made
        default, factory = options.get("default", NOTHING), options.get("factory")
        self.default = Factory(factory) if factory is not None else default

    def validator(self, function: "Any") -> "Any":
        """As a decorator, which is rare enough to be left to attrs: nothing of it is recorded."""
        self.options["validator"] = function
        return function


PLAIN = Field({})  # of every field that is nothing but a name


class Factory:
    """A default that is made for each instance."""

    def __init__(self, factory: "Callable[..., Any]", takes_self: bool = False) -> None:
        self.factory, self.takes_self = factory, takes_self


class Attributes:
    """What stands for the attributes on a class: enough for `evolve` here, and attrs' own ones for whoever else asks."""

    def __init__(self, attributes: "tuple[tuple[str, str, bool, bool, bool], ...]", fields: "dict[str, Field]") -> None:
        self.attributes, self.fields = attributes, fields

    def __get__(self, instance: object, owner: type) -> "Any":
        if instance is self:
            return self
        attr = real("attr")
        twin = attr.make_class(owner.__name__, {name: _real_field(self.fields[name]) for name, *_ in self.attributes})
        return twin.__attrs_attrs__


class InstanceOf:
    """The one validator that the libraries of the start use."""

    def __init__(self, kind: "Any") -> None:
        self.kind = kind

    def __call__(self, instance: object, attribute: "Any", value: object) -> None:
        if not isinstance(value, self.kind):
            raise TypeError(f"'{attribute.name}' must be {self.kind!r} (got {value!r} that is a {type(value)!r})")


class Named:
    """All that a validator wants to know of an attribute."""

    def __init__(self, name: str) -> None:
        self.name = name


class validators:  # a module of attrs
    instance_of = InstanceOf


class _compat:
    repr_context = _local()  # an object that is shown within itself


class _config:
    _run_validators = True


# --- what modules call


def field(**options: "Any") -> "Any":
    return Field(options)


def ib(**options: "Any") -> "Any":
    return Field(options)


def define(maybe_class: "Any" = None, **options: "Any") -> "Any":
    return _decorate("define", maybe_class, options)


def frozen(maybe_class: "Any" = None, **options: "Any") -> "Any":
    return _decorate("frozen", maybe_class, options)


def s(maybe_class: "Any" = None, **options: "Any") -> "Any":
    return _decorate("s", maybe_class, options)


mutable = define


def evolve(instance: "Any", **changes: "Any") -> "Any":
    """A copy with these changes."""
    own = _own(type(instance))
    if own is None:
        return real("attrs").evolve(instance, **changes)
    for name, alias, in_init, *_ in own.attributes:
        if in_init and alias not in changes:
            changes[alias] = getattr(instance, name)
    return type(instance)(**changes)


def asdict(instance: "Any", **options: "Any") -> "Any":
    """Of plain values; anything deeper is left to attrs."""
    own = _own(type(instance))
    if own is not None and not options:
        values = {name: getattr(instance, name) for name, *_ in own.attributes}
        if all(type(value) in (int, float, str, bytes, bool, type(None)) for value in values.values()):
            return values
    return real("attrs").asdict(instance, **options)


def __getattr__(name: str) -> "Any":
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(real("attrs"), name, None) or getattr(real("attr"), name)


# --- making a class


def _decorate(how: str, maybe_class: "Any", options: "dict[str, Any]") -> "Any":
    def decorate(cls: type) -> type:
        recorded = _record_of(cls.__module__, cls.__qualname__, cls.__dict__)
        return _made_by_attrs(how, cls, options) if recorded is None else _made_again(cls, recorded)

    return decorate if maybe_class is None else decorate(maybe_class)


def making(how: str, kind: type, /, **options: "Any") -> "Callable[..., type]":
    """For modules in which layer/made_once.py has put the decorator where the metaclass is: the class is made here, and only once."""

    def make(name: str, bases: "tuple[type, ...]", body: "dict[str, Any]", **others: "Any") -> type:
        recorded = _record_of(body["__module__"], body["__qualname__"], body)
        if recorded is None:
            return _made_by_attrs(how, kind(name, bases, body, **others), options)
        fields = _fields(bases, body, recorded)
        for field_name in fields:
            body.pop(field_name, None)
        body |= _added(recorded, fields, body["__module__"], body["__qualname__"])
        if recorded["slots"] is not None:
            body["__slots__"] = recorded["slots"]
        return kind(name, bases, body, **others)

    return make


ARCHIVE.making = making


def _record_of(module: str, qualname: str, body: "Mapping[str, Any]") -> "dict[str, Any] | None":
    recorded: dict[str, Any] | None = ARCHIVE.class_record(f"{module}:{qualname}")
    return recorded if recorded is not None and recorded["fields"] == names_of(body, Field) else None


def names_of(body: "Mapping[str, Any]", kind: type) -> "tuple[str, ...]":
    """What makes its fields: its annotations, and what is assigned a field."""
    return (*body.get("__annotations__", ()), *sorted([name for name, value in body.items() if isinstance(value, kind)]))


def _own(cls: type) -> "Attributes | None":
    for base in cls.__mro__:
        if OWN in base.__dict__:
            found = base.__dict__[OWN]
            return found if type(found) is Attributes else None
    return None


def _fields(bases: "tuple[type, ...]", body: "Mapping[str, Any]", recorded: "dict[str, Any]") -> "dict[str, Field]":
    """Those of the class, and those that it has from others."""
    fields: dict[str, Field] = {}
    for base in reversed(bases):
        own = _own(base)
        if own is not None:
            fields.update(own.fields)
    annotations = body.get("__annotations__", ())
    for name, *_ in recorded["attributes"]:
        if name in body:
            given = body[name]
            fields[name] = given if type(given) is Field else Field({"default": given})
        elif name in annotations:
            fields[name] = PLAIN
    return fields


def _added(recorded: "dict[str, Any]", fields: "dict[str, Field]", module: str, qualname: str) -> "dict[str, Any]":
    """What attrs puts on the class, beside slots."""
    attributes = Attributes(recorded["attributes"], fields)
    names = {name: _global(name, fields) for name in recorded["names"]}
    names["__name__"] = module
    added: dict[str, Any] = {OWN: attributes, **recorded["values"]}
    for name, code, defaults, keywords in recorded["methods"]:
        added[name] = _function(code, names, f"{qualname}.{name}", defaults, keywords, fields)
    for name in recorded["common"]:
        added[name] = _COMMON[name](attributes)
    return added


def _made_again(cls: type, recorded: "dict[str, Any]") -> type:
    fields = _fields(cls.__bases__, cls.__dict__, recorded)
    added = _added(recorded, fields, cls.__module__, cls.__qualname__)
    if recorded["slots"] is None:
        for name in fields:
            if name in cls.__dict__:
                delattr(cls, name)
        for name, value in added.items():
            setattr(cls, name, value)
        return cls
    left_out = {"__dict__", "__weakref__", *fields}
    body = {name: value for name, value in cls.__dict__.items() if name not in left_out}
    body |= added
    body["__slots__"], body["__qualname__"] = recorded["slots"], cls.__qualname__
    made = type(cls)(cls.__name__, cls.__bases__, body)
    if recorded["names itself"]:
        _point_to(made, cls)
    return made


def _function(
    code: CodeType, names: "dict[str, Any]", place: str, defaults: "Any", keywords: "Any", fields: "dict[str, Field]"
) -> FunctionType:
    given = None if defaults is None else tuple(_default(name, fields) for name in defaults)
    function = FunctionType(code, names, code.co_name, given)
    function.__qualname__ = place
    if keywords:
        function.__kwdefaults__ = {alias: _default(name, fields) for alias, name in keywords.items()}
    return function


def _default(name: str, fields: "dict[str, Field]") -> "Any":
    """Of a parameter: the field's, or the mark that a factory is to be asked."""
    default = fields[name].default
    return NOTHING if type(default) is Factory else default


def _global(name: str, fields: "dict[str, Field]") -> "Any":
    for prefix, option in (("__attr_factory_", ""), ("__attr_converter_", "converter"), ("__attr_validator_", "validator")):
        if name.startswith(prefix):
            found = fields[name.removeprefix(prefix)]
            return found.options[option] if option else found.default.factory
    if name.startswith("__attr_"):
        return Named(name.removeprefix("__attr_"))
    return fields if name == "attr_dict" else _GLOBALS[name]  # of which methods read `default`


_GLOBALS = {"NOTHING": NOTHING, "_cached_setattr_get": object.__setattr__.__get__, "_compat": _compat, "_config": _config}


def _point_to(made: type, cls: type) -> None:
    """`super()` and `__class__` in methods mean the class that was made of theirs."""
    for value in made.__dict__.values():
        function = (
            value.__func__ if isinstance(value, (classmethod, staticmethod)) else value.fget if isinstance(value, property) else value
        )
        for cell in getattr(function, "__closure__", None) or ():
            try:
                if cell.cell_contents is cls:
                    cell.cell_contents = made
            except ValueError:  # an empty one
                continue


# --- methods that attrs does not compile, but has


def _refuse_setting(self: "Any", name: str, value: "Any") -> None:
    if isinstance(self, BaseException) and name in OF_EXCEPTIONS:
        BaseException.__setattr__(self, name, value)
        return
    raise real("attrs").exceptions.FrozenInstanceError


def _refuse_deleting(self: "Any", name: str) -> None:
    if isinstance(self, BaseException) and name == "__notes__":
        BaseException.__delattr__(self, name)
        return
    raise real("attrs").exceptions.FrozenInstanceError


def _not_equal(self: "Any", other: "Any") -> "Any":
    result = self.__eq__(other)
    return NotImplemented if result is NotImplemented else not result


def _get_state(own: Attributes) -> "Any":
    return lambda self: {name: getattr(self, name) for name, *_ in own.attributes}


def _set_state(own: Attributes) -> "Any":
    def set_state(self: "Any", state: "Any") -> None:
        for name, *_ in own.attributes:
            if name in state:
                object.__setattr__(self, name, state[name])

    return set_state


def _ordered(compare: "Any") -> "Any":
    def make(own: Attributes) -> "Any":
        names = [name for name, _, _, in_order, _ in own.attributes if in_order]

        def compares(self: "Any", other: "Any") -> "Any":
            if other.__class__ is not self.__class__:
                return NotImplemented
            return compare(tuple(getattr(self, name) for name in names), tuple(getattr(other, name) for name in names))

        return compares

    return make


def _shown(own: Attributes) -> "Any":
    names = [name for name, _, _, _, in_repr in own.attributes if in_repr]

    def __repr__(self: "Any") -> str:
        seen = _compat.repr_context.__dict__.setdefault("already_repring", set())
        if id(self) in seen:
            return "..."
        seen.add(id(self))
        try:
            values = ", ".join(f"{name}={getattr(self, name, NOTHING)!r}" for name in names)
            return f"{type(self).__qualname__.rpartition('>.')[2]}({values})"
        finally:
            seen.remove(id(self))

    return __repr__


_COMMON: "dict[str, Any]" = {
    "__repr__": _shown,
    "__setattr__": lambda own: _refuse_setting,
    "__delattr__": lambda own: _refuse_deleting,
    "__ne__": lambda own: _not_equal,
    "__getstate__": _get_state,
    "__setstate__": _set_state,
    "__lt__": _ordered(tuple.__lt__),
    "__le__": _ordered(tuple.__le__),
    "__gt__": _ordered(tuple.__gt__),
    "__ge__": _ordered(tuple.__ge__),
}


# --- attrs itself


def real(name: str) -> "Any":
    """The package that we stand for, imported now: its modules take our place for everybody who imports it later."""
    if not _real_modules:
        for stand_in in ("attr", "attrs"):
            sys.modules.pop(stand_in, None)
            ARCHIVE.forget(stand_in)
        import importlib

        _real_modules["attr"], _real_modules["attrs"] = importlib.import_module("attr"), importlib.import_module("attrs")
    return _real_modules[name]


def _real_field(given: "Any") -> "Any":
    attr = real("attr")
    options = dict(given.options)
    if type(given.default) is Factory:
        options.pop("factory", None)
        options["default"] = attr.Factory(given.default.factory, given.default.takes_self)
    elif given.default is not NOTHING:
        options["default"] = given.default
    else:
        options.pop("default", None)
    return attr.ib(**options)


def _made_by_attrs(how: str, cls: type, options: "dict[str, Any]") -> type:
    package = real("attr") if how == "s" else real("attrs")
    given = [(name, value) for name, value in cls.__dict__.items() if type(value) is Field]
    for name, value in sorted(given, key=lambda item: item[1].number):
        setattr(cls, name, _real_field(value))
    return getattr(package, how)(cls, **options)  # type: ignore[no-any-return]


# Both names mean this one module: what is asked for in `attrs` is asked for in `attr`, and the other way round.
for _name in ("attr", "attrs"):
    sys.modules.setdefault(_name, sys.modules[__name__])
