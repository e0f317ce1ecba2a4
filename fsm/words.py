"""The base of events and effects: values that compare, hash and print by their fields.

attrs can write these methods for each class, but that costs a third of a millisecond a class, and there are a hundred: a start-up
that a user pays for. So the classes ask attrs for their constructor alone, and share these.
"""

from typing import Any

_compared: dict[type, tuple[str, ...]] = {}


def _names(kind: Any) -> tuple[str, ...]:
    """The fields that count when two values are compared."""
    names = _compared.get(kind)
    if names is None:
        names = _compared[kind] = tuple(field.name for field in kind.__attrs_attrs__ if field.eq)
    return names


class Word:
    """A frozen value. Two are equal if they are of the very same class and their fields are."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        kind = type(self)
        if type(other) is not kind:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _names(kind))

    def __hash__(self) -> int:
        kind = type(self)
        return hash((kind, *(getattr(self, name) for name in _names(kind))))

    def __repr__(self) -> str:
        kind = type(self)
        return f"{kind.__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in _names(kind))})"
