"""One pass over the tokens of SQL: what each kind of them adds to the text. (specification, traces 9.3.2 and 9.3.3)

Nearly every token is looked at once. Only for the end of some quoted texts a part is looked at again, and that is counted: where quotes
are so tangled that it would cost more than a few passes, the rest is one placeholder. What nothing closes is not kept either.
"""

from collections.abc import Callable

from . import sql_tokens
from .sql_output import Output
from .sql_tokens import MSSQL, NAMES, POSTGRESQL, WORD, pattern, tokens

SCANS_MAX = 4
"""How often, on average, a character may be looked at again for the end of a quoted text."""

VALUE_WORDS = frozenset({"null", "true", "false"})
# fmt: off
STATEMENT_WORDS = frozenset((
    "begin", "end", "select", "insert", "update", "delete", "from", "where", "join", "on", "set", "values", "into", "group", "order",
    "having", "union", "intersect", "except", "limit", "offset", "with", "create", "drop", "alter", "truncate",
))
# fmt: on
SPECIAL_WORDS = VALUE_WORDS | {"as", "savepoint"}

Handler = Callable[["Reading", int, str], "int | None"]


def begins_name(character: str) -> bool:
    """Whether a name can begin with it, quoted or not; "" is the end of the text."""
    return character.isalpha() or character in ("_", '"', "`", "[") or (character > "\x7f" and not character.isspace())


class Reading:
    """One pass. A handler takes a token and says where to go on if that is not its end."""

    __slots__ = ("dialect", "effort", "is_cut", "out", "text")

    def __init__(self, text: str, dialect: str, is_cut: bool) -> None:
        self.text, self.dialect, self.is_cut = text, dialect, is_cut
        self.out = Output()
        self.effort = SCANS_MAX * len(text)

    def run(self) -> None:
        at: int | None = 0
        while at is not None:
            at = self._read(at)

    def _read(self, at: int) -> int | None:
        """Take tokens from `at` on, until one says where to go on instead."""
        handlers, out = HANDLERS, self.out
        for token in tokens(self.dialect).finditer(self.text, at):
            kind = token.lastindex or 0
            # Names are most of a text: the shortest way for them.
            if kind == WORD and not out.is_special and (word := token[WORD]).lower() not in SPECIAL_WORDS:
                out.emit(word)
                if word[-1] == "." and token.end() < len(self.text):
                    out.blank()
                continue
            at = token.start(kind)
            if token.start() != at and not out.is_alias_pending:
                out.space()
            if (go_on := handlers[kind](self, at, token[kind])) is not None:
                return go_on
        return None

    # --- names

    def word(self, at: int, word: str) -> None:
        """A word that is more than a name, or comes where a name might be none."""
        if not self._is_settled(word, word.lower()):
            self.out.emit(word)

    def _is_settled(self, word: str, lower: str) -> bool:
        """Take a word that is more than a name; false if it stays in the text as one."""
        out = self.out
        if out.savepoint or lower in VALUE_WORDS:
            out.expect_savepoint(False)
            if not out.cut_alias():
                out.placeholder()
            return True
        if lower == "as":
            out.begin_alias(word)
            return True
        if out.is_alias_pending:
            if lower not in STATEMENT_WORDS:
                return out.cut_alias()
            out.keep_alias()
        out.expect_savepoint(lower == "savepoint")
        return False

    def identifier(self, at: int, quoted: str) -> int | None:
        """A name in double quotes or backticks, with the point behind it. In the right place double quotes hold a literal."""
        out, quote = self.out, quoted[0]
        end = quoted.rindex(quote)
        if out.is_alias_pending:
            out.cut_alias()
            return at + end + 1
        content = quoted[1:end]
        if quote == "`":
            out.emit_quoted(content.replace("``", "`") if content.strip() else quoted[: end + 1])
        elif out.savepoint or out.equals or (content and content.isspace()):
            out.expect_savepoint(False)
            out.placeholder()
        else:
            out.emit_quoted(content.replace('""', '"') or '""')
        self._point(quoted[end + 1 :], at + len(quoted))
        return None

    def _point(self, point: str, end: int) -> None:
        """What stands between two quoted names: `"a"."b"` is read as `a . b`."""
        if point == "." and begins_name(self.text[end : end + 1]):
            self._spaced_point()
        elif point:
            self.out.append(point)

    def _spaced_point(self) -> None:
        """As three pieces: none but a single space may end with one."""
        out = self.out
        out.pieces += (" ", ".", " ")
        out.last, out.solid = " ", "."

    def bracket(self, at: int, opened: str) -> int | None:
        """A name in brackets where the dialect has such, or after AS; an array or index elsewhere."""
        out = self.out
        if self.dialect != MSSQL and not out.is_alias_pending:
            out.space()
            out.append("[")
            out.blank()
            out.hole = False
            return None
        end = self.text.find("]", at)
        if end == -1:
            return self.unended(at, opened)
        if out.cut_alias():
            return end + 1
        out.emit_quoted(self.text[at + 1 : end])
        if self.text.startswith(".", end + 1):
            if self.text.startswith("[", end + 2):
                self._spaced_point()
            else:
                out.append(".")
            return end + 2
        return end + 1

    def bracket_close(self, at: int, closed: str) -> None:
        self.out.cut_alias()
        if self.out.last not in ("[", " "):
            self.out.space()
        self.out.append("]")
        if closed == "].":
            self._spaced_point()

    def name(self, at: int, name: str) -> None:
        """`@name`, `:name`, `#name`, `$name`, as they are."""
        if not self.out.cut_alias():
            self.out.emit(name)
            if name[-1] == ".":
                self.out.blank()

    # --- literals

    def literals(self, at: int, text: str) -> int | None:
        """One literal, or several between commas.

        After AS the first stands alone, but for `?`, which is no alias. So does one that leaves no mark since there is one before the
        bracket: what follows it may need its own.
        """
        out = self.out
        is_alias = out.cut_alias() and text[0] != "?"
        if not is_alias and not (out.hole and out.solid != "?"):
            out.placeholder()
            return None
        first = pattern(f"{sql_tokens.LITERAL}{sql_tokens.MARK}").match(self.text, at)
        assert first is not None
        return first.end()

    def values(self, at: int, text: str) -> int | None:
        """`VALUES (1, 'a'), (2, 'b')` and so on: they become one group in the end. After AS, or a point, the word is a name."""
        word, out = text[: len("values")], self.out
        if out.is_special or out.last == ".":
            self.word(at, word)
            return at + len(word)
        out.emit(word)
        self.opening(at, text)
        out.placeholder()
        self.closing(at, text)
        return None

    def literal(self) -> None:
        if not self.out.cut_alias():
            self.out.placeholder()

    def unended(self, at: int, text: str) -> int:
        """A quote that nothing closes: what follows may be anything, so none of it is kept."""
        self.literal()
        return len(self.text)

    def odd_string(self, at: int, quote: str) -> int:
        """A quoted text with a letter right behind its end, so that the end may be a quote escaped by a backslash."""
        paired = pattern(sql_tokens.PAIRED_STRING).match(self.text, at)
        escaped = pattern(sql_tokens.ESCAPED_STRING).match(self.text, at) if paired else None
        self.effort -= (paired.end() if paired and escaped else len(self.text)) - at
        self.literal()
        if paired is None or self.effort < 0 or (escaped is None and self.is_cut):
            return len(self.text)
        return (escaped or paired).end()

    def dollar_quote(self, at: int, tag: str) -> int:
        """`$tag$ anything $tag$`; without its second tag it is a name with dollar signs in it."""
        end = self.text.find(tag, at + len(tag))
        if end != -1:
            self.literal()
            return end + len(tag)
        self.effort -= len(self.text) - at
        if self.is_cut or self.effort < 0:
            return self.unended(at, tag)
        name = pattern(rf"\${sql_tokens.INSIDE}*+").match(self.text, at)
        assert name is not None
        self.name(at, name[0])
        return name.end()

    def mark(self, at: int, mark: str) -> None:
        """A placeholder of the user's; in PostgreSQL it may be an operator, so that it is not joined with others."""
        out = self.out
        out.cut_alias()
        if self.dialect != POSTGRESQL:
            out.placeholder()
            return
        out.space()
        out.append("?")
        out.equals = False

    def dot_digits(self, at: int, text: str) -> int:
        """`.5`, or the rest of a name."""
        is_name = self.out.ends_inside_name()
        found = pattern(sql_tokens.NAME_AFTER_POINT if is_name else sql_tokens.NUMBER_AFTER_POINT).match(self.text, at)
        assert found is not None
        if is_name:
            self.out.append(found[0])
        else:
            self.literal()
        return found.end()

    def brace(self, at: int, text: str) -> int:
        """Everything up to the brace that closes this one, or to the end."""
        self.out.cut_alias()
        self.out.placeholder()
        depth = 0
        for part in pattern(sql_tokens.BRACE_PART).finditer(self.text, at):
            depth += {"{": 1, "}": -1}.get(part[0], 0)
            if depth == 0:
                return part.end()
        return len(self.text)

    # --- what stands between

    def comma(self, at: int, text: str) -> None:
        """Left out between placeholders."""
        out = self.out
        out.cut_alias()
        if out.hole:
            out.without_spaces()
        else:
            out.without_space()
            out.append(",")

    def nothing(self, at: int, text: str) -> None:
        """A comment; the X of X'ff'."""

    def semicolon(self, at: int, text: str) -> None:
        self.out.hole = True

    def opening(self, at: int, text: str) -> None:
        out = self.out
        if not out.cut_alias():
            out.expect_savepoint(False)
            out.space()
            out.append("(")
            out.blank()

    def closing(self, at: int, text: str) -> None:
        self.out.cut_alias()
        if self.out.last not in ("", "(", " "):
            self.out.blank()
        self.out.append(")")

    def call(self, at: int, text: str) -> None:
        self.out.cut_alias()
        self.out.space()
        self.out.append("{")
        self.out.blank()

    def brace_close(self, at: int, text: str) -> None:
        self.out.cut_alias()
        self.out.space()
        self.out.append("}")

    def dot(self, at: int, text: str) -> None:
        if not self.out.ends_inside_name():
            self.out.cut_alias()
            self.out.space()
        self.out.append(".")

    def percent(self, at: int, text: str) -> None:
        self.out.cut_alias()
        self.out.space()
        self.out.append("%")
        self.out.space()

    def operator(self, at: int, text: str) -> None:
        self.out.cut_alias()
        self.out.operator(text)

    def equal_sign(self, at: int, text: str) -> None:
        self.operator(at, text)
        self.out.equals = True

    def arrow(self, at: int, text: str) -> None:
        self.out.cut_alias()
        self.out.emit(text)
        self.out.blank()

    def other(self, at: int, text: str) -> None:
        if not self.out.cut_alias():
            self.out.append(text)


BY_NAME: dict[str, Handler] = {
    "VALUES": Reading.values,
    "WORD": Reading.word,
    "EQUALS": Reading.equal_sign,
    "COMMA": Reading.comma,
    "OPEN": Reading.opening,
    "CLOSE": Reading.closing,
    "LITERAL": Reading.literals,
    "QUOTE": Reading.odd_string,
    "IDENTIFIER": Reading.identifier,
    "UNENDED": Reading.unended,
    "JSON_MARK": Reading.arrow,
    "MARK": Reading.mark,
    "DOLLAR_QUOTE": Reading.dollar_quote,
    "DOLLAR_NAME": Reading.name,
    "SEMICOLON": Reading.semicolon,
    "HASH_NAME": Reading.name,
    "HASH_OPERATOR": Reading.arrow,
    "COMMENT": Reading.nothing,
    "ARROW": Reading.arrow,
    "AT_NAME": Reading.name,
    "COLON_NAME": Reading.name,
    "OPERATOR": Reading.operator,
    "BRACKET": Reading.bracket,
    "BRACKET_CLOSE": Reading.bracket_close,
    "PERCENT": Reading.percent,
    "DOT_DIGITS": Reading.dot_digits,
    "DOT": Reading.dot,
    "CALL": Reading.call,
    "BRACE": Reading.brace,
    "BRACE_CLOSE": Reading.brace_close,
    "HEX": Reading.nothing,
    "OTHER": Reading.other,
}
HANDLERS: tuple[Handler, ...] = (Reading.nothing, *(BY_NAME[name] for name in NAMES))
