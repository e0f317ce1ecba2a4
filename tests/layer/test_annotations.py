"""Annotations that nobody reads are gone; whatever else a module does stays the same."""

import ast

import pytest

from layer import annotations


def removed(source):
    return annotations.removed(ast.parse(source))


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("def f(a: int, *b: str, c: 'x' = 1, **d: y) -> int: return a", "def f(a, *b, c=1, **d):\n    return a"),
        ("async def f() -> int: pass", "async def f():\n    pass"),
        ("x: Final = 1", "x = 1"),
        ("x.y: int = 1", "x.y = 1"),
        ("x: int", "x: int"),
        ("class A:\n    x: int\n    y: str = 'z'", "class A:\n    x: None\n    y: None = 'z'"),
        ("class A:\n    x: ClassVar[int] = 1", "class A:\n    x: ClassVar[int] = 1"),
        (
            "class A:\n    def f(self) -> int:\n        x: int = 1\n        return x",
            "class A:\n\n    def f(self):\n        x = 1\n        return x",
        ),
        ("def f():\n    class A:\n        x: int", "def f():\n\n    class A:\n        x: None"),
        ("class A:\n    if True:\n        x: int = 1", "class A:\n    if True:\n        x: None = 1"),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", "import b"),
        ("if t.TYPE_CHECKING:\n    import a", "pass"),
        ("if not TYPE_CHECKING:\n    import a", "if not TYPE_CHECKING:\n    import a"),
    ],
)
def test_what_is_left(source, left):
    assert ast.unparse(removed(source)) == left


def test_a_name_that_is_only_annotated_in_a_function_is_still_its_own():
    names = {}
    exec(compile(removed("x = 1\ndef f():\n    x: int\n    return x"), "m", "exec"), names)
    with pytest.raises(UnboundLocalError):
        names["f"]()


def test_named_tuples_and_data_classes_have_the_same_fields():
    source = """
from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple
class Pair(NamedTuple):
    one: int
    two: "list[int]" = []
@dataclass
class Data:
    shared: ClassVar[int] = 1
    one: int
    two: str = "x"
shown = Pair._fields, Pair(1), [field.name for field in fields(Data)], Data(1)
"""
    quick, plain = {"__name__": "m"}, {"__name__": "m"}
    exec(compile(removed(source), "m", "exec"), quick)
    exec(source, plain)
    assert repr(quick["shown"]) == repr(plain["shown"])
