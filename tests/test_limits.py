"""docs/limits.md says what every bound of the code is, and what happens beyond it: none is missing, none is out of date."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("fsm", "protocols", "pipelines", "reactor", "emulator")
# The checker, the drawings and the simulated worlds are tests themselves; `check_*` holds what the intakes demand, not what we keep.
NOT_HERE = ("fsm.check.", "fsm.draw", "emulator.world.", "emulator.check_")
A_BOUND = re.compile(r"_MAX$|_MAX_(?:MS|S)$|BACKLOG$|_KEPT$|_REMEMBERED$|^SLOTS$|_RESERVE_BYTES$")
ROW = re.compile(r"^\| `([a-z0-9_.]+\.[A-Z_0-9]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def constants(place: str) -> Iterator[str]:
    """The full names of all module-level constants that are bounds by their names."""
    for path in sorted((ROOT / place).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if module.startswith(NOT_HERE):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for target in targets(node):
                if A_BOUND.search(target):
                    yield f"{module}.{target}"


def targets(node: ast.stmt) -> Iterator[str]:
    """The names that a statement assigns to, also in tuples."""
    given = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    for target in given:
        for name in target.elts if isinstance(target, ast.Tuple) else [target]:
            if isinstance(name, ast.Name) and name.id.isupper():
                yield name.id


def value_of(constant: str) -> Any:
    module, _, name = constant.rpartition(".")
    return getattr(importlib.import_module(module), name)


def shown(constant: str, value: Any) -> str:
    """A value as the page shows it, in the unit that its name ends in."""
    if isinstance(value, dict):
        return " to ".join(shown(constant, each) for each in sorted({min(value.values()), max(value.values())}))
    if "BYTES" in constant:
        return in_bytes(value)
    unit = next((unit for ending, unit in (("_MS", " ms"), ("_S", " s")) if ending in constant.replace("_MAX", "")[-3:]), "")
    return f"{value:g}{unit}" if isinstance(value, float) else f"{value:,}{unit}"


def in_bytes(value: int) -> str:
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value % size == 0:
            return f"{value // size} {unit}"
    return f"{value:,} bytes"


def rows() -> dict[str, tuple[str, ...]]:
    found = ROW.findall((ROOT / "docs" / "limits.md").read_text(encoding="utf-8"))
    assert len(found) == len({name for name, *_ in found}), "a constant stands there twice"
    return {name: tuple(rest) for name, *rest in found}


@pytest.mark.parametrize("place", PLACES)
def test_every_bound_is_on_the_page(place):
    missing = set(constants(place)) - rows().keys()
    assert not missing, f"docs/limits.md lacks: {sorted(missing)}"


@pytest.mark.parametrize("constant", rows())
def test_the_page_says_what_the_code_says(constant):
    assert rows()[constant][0] == shown(constant, value_of(constant))


def test_every_line_of_a_table_is_read():
    lines = [line for line in (ROOT / "docs" / "limits.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(lines) == len(rows()) > 80


@pytest.mark.parametrize(
    ("constant", "value", "text"),
    [
        ("a.BYTES_MAX", 3 << 20, "3 MiB"),
        ("a.LINE_BYTES_MAX", 65_536, "64 KiB"),
        ("a.LINE_BYTES_MAX", 1001, "1,001 bytes"),
        ("a.HELD_MS_MAX", 30_000, "30,000 ms"),
        ("a.PAUSE_MAX_MS", 250, "250 ms"),
        ("a.IDLE_S_MAX", 5.0, "5 s"),
        ("a.AGE_MAX_S", {"a": 60, "b": 3600}, "60 s to 3,600 s"),
        ("a.ITEMS_MAX", 10_240, "10,240"),
    ],
)
def test_values_are_shown_in_the_unit_of_their_name(constant, value, text):
    assert shown(constant, value) == text


def test_bounds_are_known_by_their_names_also_in_tuples():
    source = "ITEMS_MAX = 1\nA, B_MAX = 1, 2\nLINES_KEPT: int = 3\nSIZE = 4\nitems_max = 5\n"
    names = [name for node in ast.parse(source).body for name in targets(node)]
    assert [name for name in names if A_BOUND.search(name)] == ["ITEMS_MAX", "B_MAX", "LINES_KEPT"]
