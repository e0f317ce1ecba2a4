"""What walks gave, as text and as documents: figures, rows that were taken and rows that were not, and a way to each broken rule.

Pure: results in, lines and plain dicts out.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from fsm.check.explore import Happening, Result, Violation
from fsm.check.model import DUE, WAIT, Model, Stimulus, Taken
from fsm.engine import Table


@attrs.frozen
class Coverage:
    """Of one machine: how many rows it has, and which were never taken. `explained` are those that no model can take, with reasons."""

    machine: str
    rows: int
    missed: tuple[Taken, ...]
    explained: tuple[tuple[Taken, str], ...]

    @property
    def taken(self) -> int:
        return self.rows - len(self.missed) - len(self.explained)


def rows_of(table: Table[Any, Any]) -> Iterator[Taken]:
    """Every row, as if it had been taken."""
    for (state, kind), cell in table.rows.items():
        yield from (Taken(table.name, str(state), kind.__name__, place) for place in range(len(cell)))


def coverage(models: Iterable[Model], results: Iterable[Result], tables: Mapping[str, Table[Any, Any]]) -> tuple[Coverage, ...]:
    """Of every machine of these models, over all of them together."""
    models = tuple(models)
    taken = frozenset[Taken]().union(*(result.taken for result in results))
    reasons = {cell: reason for model in models for cell, reason in model.unreached.items()}
    machines = dict.fromkeys(machine for model in models for machine in model.machines)
    return tuple(_coverage(tables[machine], taken, reasons) for machine in machines)


def _coverage(table: Table[Any, Any], taken: frozenset[Taken], reasons: Mapping[tuple[str, str, str], str]) -> Coverage:
    rows = tuple(rows_of(table))
    left = [row for row in rows if row not in taken]
    explained = tuple((row, reasons[_cell(row)]) for row in left if _cell(row) in reasons)
    return Coverage(table.name, len(rows), tuple(row for row in left if _cell(row) not in reasons), explained)


def _cell(row: Taken) -> tuple[str, str, str]:
    return row.machine, row.state, row.event


# --- text ---------------------------------------------------------------------------------------------------------------------


def row_text(row: Taken) -> str:
    return f"{row.machine}: {row.state} x {row.event}, row {row.row + 1}"


def violation_lines(violation: Violation) -> list[str]:
    """The rule, what is wrong, and how one gets there: a line for each step, and what the machines did about it."""
    steps = [line for happening in violation.way for line in _step_lines(happening)]
    return [f"BROKEN {violation.rule}", f"  {violation.text}, in {len(violation.way)} steps:", *steps]


def _step_lines(happening: Happening) -> Iterator[str]:
    yield f"  {happening.at_ms:>8} ms  {stimulus_text(happening.stimulus)}"
    if happening.seen:
        yield f"               -> {', '.join(happening.seen)}"


def stimulus_text(stimulus: Stimulus) -> str:
    match stimulus:
        case (word, what, *rest) if word == DUE:
            name = what if isinstance(what, str) else what.__name__
            return f"{name} comes due {' '.join(map(str, rest))}".rstrip()
        case (word,) if word == WAIT:
            return "time passes, until just before the next timer"
    return " ".join(map(str, stimulus))


def coverage_lines(covered: Iterable[Coverage]) -> list[str]:
    lines: list[str] = []
    for each in covered:
        lines.append(f"{each.machine}: {each.taken} of {each.rows} rows taken")
        lines += [f"  never taken: {row_text(row)}" for row in each.missed]
        lines += [f"  cannot be taken: {row_text(row)} ({reason})" for row, reason in each.explained]
    return lines


# --- documents ----------------------------------------------------------------------------------------------------------------


def result_document(model: Model, result: Result, seconds: float) -> dict[str, Any]:
    return {
        "model": model.name,
        "machines": list(model.machines),
        "states": result.states,
        "transitions": result.transitions,
        "seconds": round(seconds, 3),
        "complete": result.is_complete,
        "rules": dict(model.rules),
        "broken": [violation_document(violation) for violation in result.violations],
    }


def violation_document(violation: Violation) -> dict[str, Any]:
    way = [
        {"at_ms": happening.at_ms, "what": stimulus_text(happening.stimulus), "seen": list(happening.seen)} for happening in violation.way
    ]
    return {"model": violation.model, "rule": violation.rule, "text": violation.text, "way": way}


def coverage_document(covered: Iterable[Coverage]) -> dict[str, Any]:
    return {
        each.machine: {
            "rows": each.rows,
            "taken": each.taken,
            "never taken": [row_text(row) for row in each.missed],
            "cannot be taken": {row_text(row): reason for row, reason in each.explained},
        }
        for each in covered
    }
