"""The tokens of SQL: each dialect's pattern takes any text whole, in pieces that have a handler."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.traces.obfuscate.sql_reading import BY_NAME
from pipelines.traces.obfuscate.sql_tokens import GENERIC, INSIDE, INSIDE_OR_POINT, MSSQL, NAMES, POSTGRESQL, START, tokens


def kinds(text, dialect=GENERIC):
    return [NAMES[token.lastindex - 1] for token in tokens(dialect).finditer(text) if token.lastindex]


@pytest.mark.parametrize(
    ("pattern", "others"), [(START, "_"), (INSIDE, f"_$#*@{string.digits}"), (INSIDE_OR_POINT, f"_$#*@.{string.digits}")]
)
def test_what_names_are_made_of(pattern, others):
    assert {chr(code) for code in range(128) if re.match(pattern, chr(code))} == {*string.ascii_letters, *others}
    assert re.fullmatch(f"{pattern}+", "éჸ🐶\u0100")


def test_every_kind_of_token_has_one_handler():
    assert set(BY_NAME) == set(NAMES)
    assert len(NAMES) == len(set(NAMES))


@given(st.text() | st.text("'\"`$[]{}()?.,;:-+*/#%@|<>= \n\\x0aé\u2003", max_size=30), st.sampled_from([GENERIC, MSSQL, POSTGRESQL]))
def test_tokens_follow_one_another_without_a_gap(text, dialect):
    end = 0
    for token in tokens(dialect).finditer(text):
        assert token.start() == end
        end = token.end()
    assert end == len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a.b, 1 , 'x', null", ["WORD", "WORD", "COMMA", "LITERAL"]),
        ("a b\x1fc", ["WORD", "WORD", "OTHER", "WORD"]),
        ("values (1,'a') , (null)\n,(2, x)", ["VALUES", "COMMA", "OPEN", "LITERAL", "COMMA", "WORD", "CLOSE"]),
        ("values (1, x)", ["WORD", "OPEN", "LITERAL", "COMMA", "WORD", "CLOSE"]),
        ("'it\\'s'", ["QUOTE", "WORD", "OTHER", "LITERAL"]),
        ("x'ff' X''", ["HEX", "LITERAL", "HEX", "LITERAL"]),
        ("-1 --1\n->1", ["LITERAL", "COMMENT", "ARROW", "LITERAL"]),
        ("?| ?|| ?& ?", ["JSON_MARK", "MARK", "OPERATOR", "OPERATOR", "JSON_MARK", "LITERAL"]),
        ("$1\n$a\n$a$\n$", ["LITERAL", "DOLLAR_NAME", "DOLLAR_QUOTE", "DOLLAR_NAME"]),
        ("%s %(a)s % (", ["LITERAL", "LITERAL", "PERCENT", "OPEN"]),
        ("@a @@b @ @> :a :: := :", ["AT_NAME", "AT_NAME", "OPERATOR", "ARROW", "COLON_NAME", "OPERATOR", "OPERATOR", "OPERATOR"]),
        ("{call {CALL {called {x", ["CALL", "WORD", "CALL", "WORD", "BRACE", "WORD", "BRACE", "WORD"]),
        ('"a" "b".c `d`.* "', ["IDENTIFIER", "IDENTIFIER", "WORD", "IDENTIFIER", "UNENDED"]),
    ],
)
def test_tokens(text, expected):
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [(GENERIC, ["COMMENT"]), (MSSQL, ["HASH_NAME", "COMMENT"]), (POSTGRESQL, ["COMMENT"])],
)
def test_a_hash_begins_a_name_or_a_comment(dialect, expected):
    assert kinds("#a #", dialect) == expected


def test_in_postgresql_marks_and_hashes_may_be_operators():
    assert kinds("a ? b #>> c <@ d <@e", POSTGRESQL) == ["WORD", "MARK", "WORD", "HASH_OPERATOR", "WORD", "ARROW", "WORD", "ARROW", "WORD"]
    assert kinds("a <@e", GENERIC) == ["WORD", "OPERATOR", "AT_NAME"]
