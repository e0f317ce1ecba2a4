"""Two ways to send less, both off unless asked for: platform lines by kind, and other lines by status and chance."""

from pipelines.logs.lines import LINE_KINDS
from protocols.intake_logs import STATUSES


def parse_platform_lines(text: str) -> tuple[frozenset[str], list[str]]:
    """`start,end,report,init_start` -> the kinds of platform lines to leave out, and what is wrong with each word that is none."""
    words = [word for part in text.split(",") if (word := part.strip().lower())]
    errors = [f"no such platform line: {word!r} (known: {', '.join(LINE_KINDS)})" for word in words if word not in LINE_KINDS]
    return frozenset(words).intersection(LINE_KINDS), errors


def parse_sample(text: str) -> tuple[dict[str, float], list[str]]:
    """`debug:0.1,info:0.5` -> the share of lines to keep, by status, and what is wrong with each part that cannot be used."""
    shares: dict[str, float] = {}
    errors: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        status, _, number = part.partition(":")
        status = status.strip().lower()
        share = _share(number)
        if status not in STATUSES or share is None:
            errors.append(f"not a status with a share between 0 and 1: {part!r}")
        else:
            shares[status] = share
    return shares, errors


def _share(text: str) -> float | None:
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None
