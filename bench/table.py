"""The common shape of benchmarks: a module `bench.X` has `rows() -> list[Row]`, and prints them when it is run as a program."""

from collections.abc import Sequence
from typing import NamedTuple

from cli.table import table

TITLES = ("measured", "figure", "yardstick", "ratio", "goal")


class Row(NamedTuple):
    """One figure beside its yardstick, measured on the same machine in the same minute: the ratio is what can be compared elsewhere."""

    name: str
    figure: float
    unit: str
    yardstick: str  # what it is measured against, in words with its own figure
    ratio: float | None = None  # figure / yardstick
    goal: str = ""  # what was promised of the ratio or the figure; empty where nothing was


def lines(rows: Sequence[Row]) -> list[str]:
    return table(TITLES, [_cells(row) for row in rows], left=(0, 2, 4))


def show(rows: Sequence[Row]) -> None:
    print("\n".join(lines(rows)))


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
    return row.name, f"{figure(row.figure)} {row.unit}", row.yardstick, ratio, row.goal


def figure(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
