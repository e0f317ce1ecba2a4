"""One value on its way through a parser: where it came from, and what was odd about parts of it."""

ERROR, WARN = "ERROR", "WARN"

Note = tuple[str, str]  # (level, reason)


class Unset:
    """The type of `UNSET`: a present value that counts as absent (a blank service name), without a word to the user."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


class BadValue(Exception):
    """The whole value cannot be used; the next lower source takes over. `reason` never quotes the value, which may be secret."""

    def __init__(self, reason: str, level: str = WARN) -> None:
        super().__init__(reason)
        self.reason = reason
        self.level = level


class Reading:
    """What a parser may ask and tell: `native` is true for a typed YAML value, false for the raw text of a variable."""

    __slots__ = ("native", "notes")

    def __init__(self, native: bool) -> None:
        self.native = native
        self.notes: list[Note] = []

    def skip(self, reason: str, level: str = WARN) -> None:
        """Record that a part of the value was left out, or that a limit took its place; the rest is used."""
        self.notes.append((level, reason))
