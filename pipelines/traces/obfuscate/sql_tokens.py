"""What SQL texts are made of, as one pattern for each dialect: every position matches exactly one of its groups.

The patterns are our own, so Python's engine can run them: repetitions are possessive and never nested in one another with a choice
between, which makes each token linear in its length. The order of the rows is part of the rules. (specification, traces 9.3.2)
"""

import re
from functools import cache

MSSQL, POSTGRESQL, GENERIC = "mssql", "postgresql", "generic"

SPACE = r" \t\n\r\v\f"
OTHER_SPACE = r"[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""White space beyond ASCII. It is made plain before a text is read: sets of ASCII characters compile in a fraction of the time."""
START = r"[^\x00-@[-^`{-\x7f]"
"""What a name may begin with: an ASCII letter, `_`, anything beyond ASCII."""
INSIDE = r"[^\x00-\"%-)+-/:-?[-^`{-\x7f]"
"""What a name goes on with: these, digits, `$ # * @`."""
INSIDE_OR_POINT = r"[^\x00-\"%-)+-\-/:-?[-^`{-\x7f]"
OTHER_LETTER = r"(?![\x00-\x7f])[^\W\d_]"
NUMBER = r"[0-9]++(?:\.[0-9]*+)?+(?:[eE][+-]?+[0-9]*+)?+"
NUMBER_AFTER_POINT = r"\.[0-9]++(?:[eE][+-]?+[0-9]*+)?+"
NAME_AFTER_POINT = rf"\.{INSIDE}++(?:\.{INSIDE}++)*+"
HASH_OPERATOR = {POSTGRESQL: "#>>|#>|#-"}
HASH_NAME = {MSSQL: rf"#(?:[^\W\d]|[0-9#]){INSIDE}*+"}
NEVER = "(?!)"

STRING = r"'[^']*+(?:''[^']*+)*+'(?![A-Za-z0-9_])"
"""A quoted text ends at the first quote that is no pair, if no letter or digit follows; if one does, the row QUOTE has to look closer."""
LITERAL = "|".join(
    (
        STRING,
        # Hexadecimal, decimal, or one that begins with a point; an exponent counts without its digits, a sign anywhere.
        rf"-?+0[xX][0-9A-Fa-f]++|-?+{NUMBER}|-{NUMBER_AFTER_POINT}",
        r"\$[0-9?]++(?:\.[0-9]++)?+",
        r"%(?:[^\W\d]|[@#]|\([^()\n]*+\)[A-Za-z])",
    )
)
MARK = r"|\?(?![|&])"
"""A literal too, but not where it may be an operator."""
VALUE_WORD = rf"(?i:null|true|false)(?!{INSIDE_OR_POINT})"

# Names of the groups, in the order in which they are tried; the most frequent ones stand first where order is free.
ROWS = (
    # The rows of an insert, as far as they hold nothing but literals.
    ("VALUES", "[vV][aA][lL][uU][eE][sS][{space}]*+{group}(?:[{space}]*+,[{space}]*+{group})*+"),
    ("WORD", "(?![Xx]'){start}{inside_or_point}*+"),
    ("EQUALS", "="),
    ("COMMA", ","),
    ("OPEN", "\\([{space}]*+"),
    ("CLOSE", r"\)"),
    # A list of literals counts as one.
    ("LITERAL", "(?:{literal}){more}"),
    ("QUOTE", "'"),
    ("IDENTIFIER", r'"[^"]*+(?:""[^"]*+)*+"(?:\.\*|\.)?+|`[^`]*+(?:``[^`]*+)*+`(?:\.\*|\.)?+'),
    ("UNENDED", '["`]'),
    ("JSON_MARK", r"\?\|(?!\|)|\?&"),
    ("MARK", r"\?"),
    ("DOLLAR_QUOTE", r"\$(?:{start}[^$\n]*+)?+\$"),
    ("DOLLAR_NAME", r"\${inside}*+"),
    ("SEMICOLON", ";"),
    ("HASH_NAME", "{hash_name}"),
    ("HASH_OPERATOR", "{hash_operator}"),
    ("COMMENT", r"--[^\n]*+|//[^\n]*+|#[^\n]*+|/\*(?s:.*?)(?:\*/|\Z)"),
    ("ARROW", r"->>|->|@>|{contained}|<>|<=|>=|!=|!~\*|!~|~\*"),
    ("AT_NAME", r"@@{inside}*+|@[A-Za-z0-9_#$*]{inside}*+|@{other_letter}[\w#@]*+"),
    ("COLON_NAME", r":[A-Za-z0-9_#@]{inside_or_point}*+|:{other_letter}[\w#@.]*+"),
    ("OPERATOR", r"::|:=|-\.|[-+<>!~|&^*/@:]"),
    ("BRACKET", "\\[[{space}]*+"),
    ("BRACKET_CLOSE", r"\]\.?+"),
    ("PERCENT", "%"),
    ("DOT_DIGITS", r"\.(?=[0-9])"),
    ("DOT", r"\."),
    ("CALL", r"\{[{space}]*+(?=(?i:call)(?![A-Za-z0-9]))"),
    ("BRACE", r"\{"),
    ("BRACE_CLOSE", r"\}"),
    ("HEX", "[Xx](?=')"),
    ("OTHER", "(?s:.)"),
)
NAMES = tuple(name for name, _ in ROWS)
WORD = NAMES.index("WORD") + 1

ESCAPED_STRING = r"(?s:'(?:[^'\\]++|\\.|'')*+')"
PAIRED_STRING = r"'[^']*+(?:''[^']*+)*+'"
BRACE_PART = r"""[{}]|'[^']*+(?:'|\Z)|"[^"]*+(?:"|\Z)"""


@cache
def tokens(dialect: str) -> re.Pattern[str]:
    """The pattern of a dialect. A match takes white space, if there is any, and one token, if one is left: `lastindex` is the number of its
    row, from 1.
    """
    parts = {
        "group": "\\([{space}]*+(?:{literal}|{value_word}){more}[{space}]*+\\)",
        "more": "(?:[{space}]*+,[{space}]*+(?:{literal}|{value_word}))*+",
        "space": SPACE,
        "start": START,
        "inside": INSIDE,
        "inside_or_point": INSIDE_OR_POINT,
        "literal": LITERAL + ("" if dialect == POSTGRESQL else MARK),
        "value_word": VALUE_WORD,
        "other_letter": OTHER_LETTER,
        "hash_name": HASH_NAME.get(dialect, NEVER),
        "hash_operator": HASH_OPERATOR.get(dialect, NEVER),
        "contained": "<@" if dialect == POSTGRESQL else r"<@(?!\w)",
    }
    rows = "|".join(f"({fill(row, parts)})" for _, row in ROWS)
    return re.compile(rf"[{SPACE}]*+(?:{rows}|\Z)")


def fill(row: str, parts: dict[str, str]) -> str:
    """A row with its character classes put in."""
    for name, part in parts.items():
        row = row.replace(f"{{{name}}}", part)
    return row


@cache
def pattern(text: str) -> re.Pattern[str]:
    """One of the patterns that few texts need."""
    return re.compile(text)
