"""Users' patterns: what RE2 is told, and what a replacement may say. What the dialect means to a rule stands in logs/test_rules.py."""

import sys

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from pipelines.patterns import BadPattern, Engine, NoEngine, groups_of, parse_template, replace, with_unicode_classes


def test_without_the_library_there_is_no_engine(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(NoEngine, match="google-re2"):
        Engine()


@pytest.mark.parametrize("text", ["(", "(?=x)", r"(a)\1", "\ud800(", "(?:x{999}){999}"])
def test_a_pattern_that_does_not_compile_is_refused_with_the_librarys_reason_and_in_silence(text, capfd):
    with pytest.raises(BadPattern) as caught:
        Engine().compile(text)
    assert str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_groups_and_replacement():
    pattern = Engine().compile(r"(?P<word>\w+)-(\d+)")
    assert groups_of(pattern) == ({"word": 1}, 2)
    template = parse_template("$2/${word}", *groups_of(pattern))
    assert template == [2, b"/", 1]
    assert replace(pattern, template, "jürgen-7 b-8".encode()).decode() == "7/jürgen 8/b"


def test_what_does_not_match_stays_the_same_object():
    data = b"nothing here"
    assert replace(Engine().compile("x"), [b"y"], data) is data


@given(st.text("$a1{}_ ü", max_size=12))
def test_no_replacement_raises_and_one_without_a_dollar_sign_stands_for_itself(placeholder):
    pieces = parse_template(placeholder, {"a": 1}, 1)
    assert all(piece in (0, 1) if isinstance(piece, int) else piece for piece in pieces)
    if "$" not in placeholder:
        assert b"".join(pieces) == placeholder.encode()


@given(st.text(max_size=20).filter(lambda text: not set(text) & set("\\[]")))
def test_a_pattern_without_escapes_and_classes_is_taken_as_it_is(pattern):
    assert with_unicode_classes(pattern) == pattern


@given(st.text(r"\[]^:-dDwWsSa", max_size=10), st.text("aSd_1 \n[]^:-\\", max_size=12))
def test_on_ascii_the_spelled_out_pattern_finds_what_the_pattern_finds(pattern, text):
    options = re2.Options()
    options.log_errors = False
    found = []
    for source in (pattern, with_unicode_classes(pattern)):
        try:
            found.append([match.span() for match in re2.compile(source, options).finditer(text)])
        except re2.error:
            found.append(None)
    assert found[0] == found[1]
