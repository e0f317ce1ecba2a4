"""A table as a page: the diagram, every row with its words explained, and what happens to whatever no row names."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from fsm.draw import Line, line_of, name_of
from fsm.draw_mermaid import to_mermaid
from fsm.engine import Row, Table

Columns = tuple[str, ...]


def to_markdown(table: Table[Any, Any], about: str = "", picture: str = "") -> str:
    """The page of a machine. `picture` is the address of its SVG, if there is one to link to."""
    parts = [
        f"# The machine `{table.name}`",
        about,
        "Written by `lambda-reactor diagram`; a test holds it to the table.",
        f"[As a picture]({picture})" if picture else "",
        f"```mermaid\n{to_mermaid(table)}```",
        *_rows(table),
        *_leftovers(table),
        "## Events",
        _grid(("event", "what has happened"), [(f"`{kind.__name__}`", meaning(kind)) for kind in _events(table)]),
        *_functions("Guards", "holds when", table, lambda row: row.guard),
        *_functions("Actions", "what it does", table, lambda row: row.action),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def meaning(thing: Any) -> str:
    """The first paragraph of a docstring, on one line; empty if there is none of its own."""
    text = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    return " ".join(text.split("\n\n")[0].split())


def _grid(head: Columns, rows: Iterable[Columns]) -> str:
    lines = [head, ("---",) * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(table: Table[Any, Any]) -> list[str]:
    intro = "The rows of one event in one state are tried in this order; the first whose guard holds is taken."
    rows = [
        _row(str(state), line_of(kind, place, row, len(cell)), row)
        for state in table.states
        for (source, kind), cell in table.rows.items()
        if source is state
        for place, row in enumerate(cell, 1)
    ]
    return ["## Rows", intro, _grid(("state", "event", "guard", "next state", "action"), rows)]


def _row(state: str, line: Line, row: Row[Any, Any]) -> Columns:
    guard = _code(name_of(row.guard)) if row.guard else line.guard
    return f"`{state}`", f"`{line.event}`", guard, "same" if line.target == state else f"`{line.target}`", _code(line.action)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _leftovers(table: Table[Any, Any]) -> list[str]:
    reasons = [
        (f"`{state}`", f"`{kind.__name__}`", reason)
        for state in table.states
        for (source, kind), reason in table.ignored.items()
        if source is state
    ]
    default = (
        "Any other event leaves the state as it is and is counted as unexpected. A timer that is no longer armed is ignored everywhere."
    )
    expected = ["These are expected, and mean nothing here.", _grid(("state", "event", "why"), reasons)] if reasons else []
    return ["## What no row names", *expected, default]


def _events(table: Table[Any, Any]) -> list[type]:
    return sorted(table.events, key=lambda kind: kind.__name__)


def _functions(title: str, head: str, table: Table[Any, Any], of_row: Callable[[Row[Any, Any]], Any]) -> list[str]:
    """A section on those guards or actions that say more than their names do."""
    found = {name_of(function): meaning(function) for cell in table.rows.values() for row in cell if (function := of_row(row))}
    rows = [(f"`{name}`", text) for name, text in sorted(found.items()) if name and text]
    return [f"## {title}", _grid((title.lower()[:-1], head), rows)] if rows else []
