"""Processing rules on RE2 (specification, logs 6): what the dialect means, what a replacement may say."""

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.logs.rules import EXCLUDE, INCLUDE, MASK, Rule, compile_rules


@pytest.fixture
def apply():
    """`apply(text, (type, pattern, placeholder), ...)`: the text after these rules."""

    def run(text, *specs):
        compiled, errors = compile_rules(tuple(Rule(kind, "name", *rest) for kind, *rest in specs))
        assert errors == []
        return compiled.apply(text)

    return run


# --- compiling


def test_without_rules_everything_passes_and_nothing_is_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    compiled, errors = compile_rules(())
    assert (len(compiled), errors, compiled.apply("any")) == (0, [], "any")


def test_without_the_library_all_rules_are_refused_with_one_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    compiled, errors = compile_rules((Rule(EXCLUDE, "a", "x"), Rule(EXCLUDE, "b", "x")))
    assert (len(compiled), len(errors), compiled.apply("x")) == (0, 1, "x")
    assert "google-re2" in errors[0]


@pytest.mark.parametrize("pattern", ["(", "(?=x)", "(?<!x)", r"(a)\1", "\\", "x{2,1}", "\ud800(", "(?:x{999}){999}"])
def test_a_pattern_that_does_not_compile_costs_its_own_rule_and_an_error_that_names_it(pattern, capfd):
    compiled, errors = compile_rules((Rule(MASK, "mine", pattern, "-"), Rule(MASK, "other", "b", "-")))
    assert (len(compiled), len(errors), compiled.apply("abc")) == (1, 1, "a-c")
    assert "'mine'" in errors[0]
    assert capfd.readouterr() == ("", ""), "the library itself says nothing"


# --- applying


@pytest.mark.parametrize(
    ("specs", "text", "result"),
    [
        ([(MASK, "replace-me", "test-placeholder")], "do-not-replace replace-me", "do-not-replace test-placeholder"),
        ([(EXCLUDE, "exclude-me")], "exclude-me", None),
        ([(EXCLUDE, "exclude-me")], "keep", "keep"),
        ([(INCLUDE, "include-me")], "include-me", "include-me"),
        ([(INCLUDE, "include-me")], "do-not-include-me", "do-not-include-me"),
        ([(INCLUDE, "include-me")], "other", None),
        ([(MASK, "a", "b"), (MASK, "b", "c"), (EXCLUDE, "b")], "ab", "cc"),
        ([(MASK, "secret", "x"), (INCLUDE, "secret")], "secret", None),
        ([(MASK, r"\d{4}-\d{4}-\d{4}-\d{4}", "[card]")], "card 1234-5678-9012-3456 paid", "card [card] paid"),
        ([(MASK, "a")], "banana", "bnn"),
        ([(EXCLUDE, "(START|END|REPORT) RequestId")], "START RequestId: x Version: 1", None),
    ],
)
def test_rules(apply, specs, text, result):
    assert apply(text, *specs) == result


@pytest.mark.parametrize(
    ("pattern", "text", "result"),
    [
        ("x*", "axbü", "-a-b-ü-"),  # empty matches: not beside another, not inside a character
        ("$", "ab", "ab-"),
        ("^b", "a\nb", "a\nb"),
        ("(?m)^b", "a\nb", "a\n-"),
        ("(?i)STRASSE", "Strasse", "-"),
        ("a.c", "a\nc", "a\nc"),
        ("ü", "für", "f-r"),
        (r"\w+", "jürgen müller_1", "- -"),
        (r"\W+", "für ßa", "für-ßa"),
        (r"\d+", "12 and ١٢", "- and -"),
        (r"\D+", "a1b", "-1-"),
        (r"\s", "a\u00a0b\u2003c\x0bd", "a-b-c-d"),
        (r"\S+", "a\u00a0b", "-\u00a0-"),
        (r"[\w.]+@[\w.]+", "mail jürgen.x@müller.de now", "mail - now"),
        (r"[^\d]+", "a1b", "-1-"),
        (r"[]\d]+", "a]1b", "a-b"),
        (r"[^]\d]+", "a]1b", "-]1-"),
        (r"[[:upper:]\d]+", "aB1c", "a-c"),
        (r"[[]\d", "a[1", "a-"),
        (r"\\d", r"a\d", "a-"),
        (r"\[\d\]", "a[1]", "a-"),
        (r"\p{Lu}", "aÄ", "a-"),
    ],
)
def test_the_dialect(apply, pattern, text, result):
    assert apply(text, (MASK, pattern, "-")) == result


@pytest.mark.parametrize(
    ("placeholder", "result"),
    [
        ("", "<>"),
        ("$1", "<ab>"),
        ("${1}c", "<abc>"),
        ("$1c", "<>"),  # the longest name wins: group `1c`, which there is not
        ("$word", "<ab>"),
        ("${word}", "<ab>"),
        ("$word-$2", "<ab-12>"),
        ("$0", "<ab12>"),
        ("$3", "<>"),
        ("$9$nope${nope}", "<>"),
        ("$$1", "<$1>"),
        ("$$$1", "<$ab>"),
        ("$", "<$>"),
        ("a$ b$-", "<a$ b$->"),
        ("${1", "<${1>"),
        (r"\1 \g<1>", r"<\1 \g<1>>"),
        ("ü$1", "<üab>"),
    ],
)
def test_the_replacement(apply, placeholder, result):
    assert apply("<ab12>", (MASK, r"(?P<word>[a-z]+)(\d+)(x)?", placeholder)) == result


@given(st.text(max_size=40), st.sampled_from(["x*", "", r"\b", r"\w", "[^a]", r"\s*$", "(?s).*?"]))
def test_every_text_comes_out_as_a_text(text, pattern):
    compiled, _ = compile_rules((Rule(MASK, "n", pattern, "$0"),))
    assert compiled.apply(text) == text


def test_a_hostile_text_takes_linear_time(apply):
    text = "a" * 200_000 + "!"
    start = time.process_time()
    assert apply(text, (MASK, r"(a+)+$", "-"), (EXCLUDE, r"(a|aa)+$"), (EXCLUDE, "(x+x+)+y")) == text
    assert time.process_time() - start < 2, "Python's own engine would take longer than the universe has lasted"
