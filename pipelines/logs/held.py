"""A line on its way to becoming an entry, and what it weighs while it has to wait."""

from typing import NamedTuple


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
