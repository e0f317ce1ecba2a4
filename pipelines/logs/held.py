"""A line on its way to becoming an entry, and what it weighs while it has to wait."""

Line = tuple[str, int, str, str | None, str, bool]
"""(text, epoch_ms, status, request_id, tags of its own, whether it is a line of a platform record)"""

LINE_BYTES = 256
"""What a waiting line takes beside its texts, so that a million empty ones are not free."""


def held_bytes(line: Line) -> int:
    """An upper bound of its memory and of its UTF-8."""
    text, tags = line[0], line[4]
    chars = len(text) + len(tags)
    return LINE_BYTES + (chars if text.isascii() and tags.isascii() else 4 * chars)
