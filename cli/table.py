"""Aligned columns for people: texts in, lines out."""

from collections.abc import Sequence

GAP = "  "


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """A line of titles, then one per row. Columns are right-aligned, save those of `left`; no line ends in spaces."""
    cells = [tuple(titles), *map(tuple, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    return [_line(row, widths, left) for row in cells]


def _line(row: Sequence[str], widths: Sequence[int], left: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if column in left else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return GAP.join(padded).rstrip()


def number(value: float | None, digits: int = 1) -> str:
    """A figure with so many decimals; `-` for none."""
    return "-" if value is None else f"{value:.{digits}f}"
