"""Replace rules (specification, traces 9.8)."""

import sys

import pytest

from pipelines.traces.obfuscate.replace import compile_replace_rules


def replaced(rules, meta=None, resource="this is prod"):
    span = {"resource": resource, "meta": dict(meta or {})}
    replacer, errors = compile_replace_rules(rules)
    assert errors == []
    replacer.apply(span)
    return span["resource"], span["meta"]


def test_rules_for_one_tag_run_in_order():
    rules = [("http.url", "(token/)([^/]*)", "${1}?"), ("http.url", "guid", "[REDACTED]")]
    assert replaced(rules, {"http.url": "some/guid/token/abcdef/abc"})[1] == {"http.url": "some/[REDACTED]/token/?/abc"}


def test_a_rule_for_all_tags_leaves_the_resource_and_one_for_the_resource_the_tags():
    rules = [("*", "this", "that"), ("resource.name", "prod", "stage")]
    assert replaced(rules, {"a": "this", "b": "this prod"}) == ("this is stage", {"a": "that", "b": "that prod"})


@pytest.mark.parametrize(
    ("pattern", "replacement", "result"),
    [
        ("(?P<first>[a-z]+) (\\w+)", "$2 $first", "is this prod"),
        ("(th)", "$1x", "is is prod"),  # the longest name wins: a group `1x`, which there is not
        ("s", "$$", "thi$ i$ prod"),
        ("this", r"\1\g<0>", r"\1\g<0> is prod"),
        ("nothing", "x", "this is prod"),
        ("x*$", "!", "this is prod!"),
    ],
)
def test_replacements(pattern, replacement, result):
    assert replaced([("resource.name", pattern, replacement)])[0] == result


def test_a_rule_for_a_tag_that_is_not_there_makes_none():
    assert replaced([("missing", "^", "x")], {"a": "b"})[1] == {"a": "b"}


def test_a_bad_rule_costs_only_itself():
    replacer, errors = compile_replace_rules([("a", "(?=x)", ""), ("b", "x", "y"), ("c", "(", "")])
    assert len(replacer) == 1
    assert ["'a'" in errors[0], "'c'" in errors[1]] == [True, True]
    span = {"resource": "", "meta": {"b": "x"}}
    replacer.apply(span)
    assert span["meta"] == {"b": "y"}


def test_without_the_library_all_rules_are_refused_with_one_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    replacer, errors = compile_replace_rules([("a", "x", ""), ("b", "x", "")])
    assert (len(replacer), len(errors)) == (0, 1)
    assert "google-re2" in errors[0]


def test_without_rules_nothing_is_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    replacer, errors = compile_replace_rules(())
    assert (len(replacer), errors) == (0, [])
