"""The text that obfuscated SQL becomes, with what must be known of its end to go on. (specification, traces 9.3.1)

Pieces never end with a space unless they are one: taking spaces off the end, and everything back to an alias, is then cheap.
"""

NOT_SET = -1
JOINS_BEFORE_POINT = frozenset('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"]#?')
INSIDE_ASCII = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$#*@")


class Output:
    """`hole`: the last thing was a placeholder. `equals`: the last operator was `=`. `savepoint`: a savepoint's name comes.

    `is_special`: the next name is perhaps none, but an alias or a savepoint's. `last` is the last character, `solid` the last that is no
    space, both "" at the beginning.
    """

    __slots__ = ("_alias_at", "_alias_ends", "equals", "hole", "is_special", "last", "pieces", "savepoint", "solid")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.last = self.solid = ""
        self.hole = self.equals = self.savepoint = self.is_special = False
        self._alias_at = NOT_SET
        self._alias_ends = ("", "")

    def text(self) -> str:
        return "".join(self.pieces).rstrip(" ")

    def space(self) -> None:
        """One space between what was and what comes, where they are not joined by a point."""
        last = self.last
        if last == " ":
            if self.solid != "?" and self.solid != "(":
                self.hole = False
        elif last and not (last == "." and self._is_joined()):
            if last != "?":
                self.hole = False
            self.pieces.append(" ")
            self.last = " "

    def _is_joined(self) -> bool:
        """Whether the point at the end belongs to a name or placeholder before it."""
        end = self.pieces[-1][-2:]
        before = end[0] if len(end) == 2 else self.pieces[-2][-1] if len(self.pieces) > 1 else " "
        return before in JOINS_BEFORE_POINT or before > "\x7f"

    def append(self, piece: str) -> None:
        """`piece` as it is, right behind what was. It is not empty and does not end with a space."""
        self.pieces.append(piece)
        self.last = self.solid = piece[-1]

    def blank(self) -> None:
        self.pieces.append(" ")
        self.last = " "

    def emit(self, piece: str) -> None:
        """A piece that stays, with a space before it. Most of a text goes through here: `space` and `append` are written out."""
        last, pieces = self.last, self.pieces
        if last != " " and last and not (last == "." and self._is_joined()):
            pieces.append(" ")
        pieces.append(piece)
        self.last = self.solid = piece[-1]
        self.hole = self.equals = False

    def emit_quoted(self, content: str) -> None:
        """As `emit`, for what was in quotes: it may be empty or end with spaces."""
        bare = content.rstrip(" ")
        if bare:
            self.emit(bare)
        else:
            self.space()
            self.hole = self.equals = False
        for _ in range(len(content) - len(bare)):
            self.blank()

    def placeholder(self) -> None:
        """A `?`, unless the last thing was one."""
        if not self.hole:
            self.space()
            self.append("?")
            self.hole, self.equals = True, False

    def operator(self, piece: str) -> None:
        self.space()
        self.append(piece)
        self.hole = False
        self.blank()

    def without_space(self) -> None:
        """Take one space off the end."""
        if self.last == " ":
            self.pieces.pop()
            self.last = self.pieces[-1][-1] if self.pieces else ""

    def without_spaces(self) -> None:
        while self.last == " ":
            self.without_space()

    def ends_inside_name(self) -> bool:
        """Whether a point here would go on with a name."""
        last = self.last
        return last in INSIDE_ASCII or last in ('"', "`") or last > "\x7f"

    # --- aliases: what follows AS is left out, and AS with it

    @property
    def is_alias_pending(self) -> bool:
        return self._alias_at != NOT_SET

    def expect_savepoint(self, is_expected: bool) -> None:
        self.savepoint = is_expected
        self.is_special = is_expected or self._alias_at != NOT_SET

    def begin_alias(self, word: str) -> None:
        self.without_space()
        self._alias_at, self._alias_ends = len(self.pieces), (self.last, self.solid)
        self.is_special = True
        self.space()
        self.append(word)
        self.hole = False

    def keep_alias(self) -> None:
        """It was no alias: `CREATE VIEW v AS SELECT`."""
        self._alias_at = NOT_SET
        self.is_special = self.savepoint

    def cut_alias(self) -> bool:
        """Drop a pending ` AS`; whether there was one."""
        if self._alias_at == NOT_SET:
            return False
        del self.pieces[self._alias_at :]
        self.last, self.solid = self._alias_ends
        self.keep_alias()
        return True
