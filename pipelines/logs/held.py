"""A line on its way to becoming an entry: what it weighs while it has to wait, and its form in a file that outlives the process."""

from typing import Any, NamedTuple

from protocols.intake_logs import STATUSES


class DurableContext(NamedTuple):
    """Of which durable execution an invocation is a part."""

    execution_id: str
    execution_name: str
    execution_status: str | None = None
    first_invocation: bool | None = None


Line = tuple[str, int, str, str | None, str, bool, DurableContext | None]
"""(text, epoch_ms, status, request_id, tags of its own, whether it is a line of a platform record, execution that it named itself)"""

LINE_BYTES = 256
"""What a waiting line takes beside its texts, so that a million empty ones are not free."""


def held_bytes(line: Line) -> int:
    """An upper bound of its memory and of its UTF-8."""
    text, tags = line[0], line[4]
    chars = len(text) + len(tags)
    return LINE_BYTES + (chars if text.isascii() and tags.isascii() else 4 * chars)


def as_values(line: Line) -> list[Any]:
    """The line as JSON can hold it."""
    context = line[6]
    return [*line[:6], None if context is None else list(context)]


def line_of(values: object) -> Line | None:
    """The line that `as_values` was given; None for whatever else a file may hold."""
    if type(values) is not list or tuple(map(type, values)) not in _SHAPES or values[2] not in STATUSES:
        return None
    context = values[6]
    if context is None:
        return (*values[:6], None)
    if len(context) == 4 and all(type(value) in types for value, types in zip(context, _CONTEXT, strict=True)):
        return (*values[:6], DurableContext(*context))
    return None


_NONE = type(None)
_SHAPES = {(str, int, str, owner, str, bool, context) for owner in (str, _NONE) for context in (list, _NONE)}
_CONTEXT = ((str,), (str,), (str, _NONE), (bool, _NONE))
