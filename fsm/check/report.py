"""What walks gave, as text and as documents: figures, rows that were taken and rows that were not, and a way to each broken rule.

Pure: results in, lines and plain dicts out.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from fsm.check.explore import Happening, Result, Violation
from fsm.check.model import DUE, WAIT, Model, Stimulus, Taken
from fsm.engine import Table

Cell = tuple[str, str, str]  # machine, state, event
Tables = Mapping[str, Table[Any, Any]]


@attrs.frozen
class Coverage:
    """Of one machine: how many rows it has, and which were never taken. `explained` are those that no model can take, with reasons.

    `outdated` are cells, in words, that have a reason and need none: all of their rows were taken, or there is no such cell. `is_whole`:
    all models of this machine were walked.
    """

    machine: str
    rows: int
    missed: tuple[Taken, ...]
    explained: tuple[tuple[Taken, str], ...]
    outdated: tuple[str, ...]
    is_whole: bool

    @property
    def taken(self) -> int:
        return self.rows - len(self.missed) - len(self.explained)

    @property
    def is_true(self) -> bool:
        """Whether each row was taken or has a reason, and each reason a row. Of a part of the models one cannot say."""
        return not self.is_whole or not (self.missed or self.outdated)


def rows_of(table: Table[Any, Any]) -> Iterator[Taken]:
    """Every row, as if it had been taken."""
    for (state, kind), cell in table.rows.items():
        yield from (Taken(table.name, str(state), kind.__name__, place) for place in range(len(cell)))


def coverage(models: Iterable[Model], results: Iterable[Result], known: Iterable[Model], tables: Tables) -> tuple[Coverage, ...]:
    """Of every machine of these models, over all of them together; `known` are all that there are."""
    models, known = tuple(models), tuple(known)
    taken = frozenset[Taken]().union(*(result.taken for result in results))
    reasons = {cell: reason for model in models for cell, reason in model.unreached.items()}
    left_out = {machine for model in known if model not in models for machine in model.machines}
    machines = dict.fromkeys(machine for model in models for machine in model.machines)
    return tuple(_coverage(tables[machine], taken, reasons, machine not in left_out) for machine in machines)


def _coverage(table: Table[Any, Any], taken: frozenset[Taken], reasons: Mapping[Cell, str], is_whole: bool) -> Coverage:
    rows = tuple(rows_of(table))
    left = [row for row in rows if row not in taken]
    explained = tuple((row, reasons[_cell(row)]) for row in left if _cell(row) in reasons)
    used = {_cell(row) for row, _ in explained}
    outdated = tuple(f"{cell[1]} x {cell[2]}" for cell in reasons if cell[0] == table.name and cell not in used)
    return Coverage(table.name, len(rows), tuple(row for row in left if _cell(row) not in reasons), explained, outdated, is_whole)


def _cell(row: Taken) -> Cell:
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
        lines += [f"  can be taken after all: {cell}" for cell in each.outdated]
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
            "can be taken after all": list(each.outdated),
            "all models walked": each.is_whole,
        }
        for each in covered
    }
