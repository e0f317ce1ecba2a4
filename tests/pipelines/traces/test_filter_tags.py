"""Filter tags of root spans (specification, traces 7.1)."""

import sys

import pytest

from pipelines.traces.filter_tags import FilterTags

ENV_AND_SERVICE = (("env", "production"), ("service", "api"))


def root(meta=None, **fields):
    return {"name": "", "service": "", "resource": "", "type": "", "meta": meta or {}, **fields}


@pytest.mark.parametrize(
    ("rules", "span", "reason"),
    [
        ({"require": ENV_AND_SERVICE}, root({"env": "production", "service": "api"}), None),
        ({"require": ENV_AND_SERVICE}, root({"env": "production"}), "filter_tags_require"),
        ({"require": ENV_AND_SERVICE}, root({"env": "development"}), "filter_tags_require"),
        ({"require": ENV_AND_SERVICE}, root({"env": "production"}, service="api"), None),
        ({"reject": (("debug", "true"), ("env", "test"))}, root({"debug": "true", "env": "production"}), "filter_tags_reject"),
        ({"reject": (("debug", "true"), ("env", "test"))}, root({"env": "production"}), None),
        (
            {"require": (("env", "production"),), "reject": (("debug", "true"),)},
            root({"env": "production", "debug": "true"}),
            "filter_tags_reject",
        ),
        ({"require": (("env", ""),)}, root({"env": "production"}), "filter_tags_require"),
        ({"require": (("env", None),)}, root({"env": ""}), None),
        ({"require": (("type", None),)}, root(), "filter_tags_require"),
        ({"require": (("type", None),)}, root(type="web"), None),
        ({"require": (("parent_id", None),)}, root(parent_id=7), "filter_tags_require"),
        ({"regex_require": (("env", "prod.*"),)}, root({"env": "production"}), None),
        ({"regex_require": (("env", "dev.*"),)}, root({"env": "production"}), "filter_tags_regex_require"),
        ({"regex_require": (("service", ".*-service"),)}, root(service="user-service"), None),
        ({"regex_require": (("env", "duct"),)}, root({"env": "production"}), None),
        ({"regex_require": (("env", None),)}, root({"env": "production"}), None),
        ({"regex_reject": (("env", None),)}, root({"env": "production"}), "filter_tags_regex_reject"),
        ({"regex_reject": (("name", "^GET"),)}, root(name="GET /"), "filter_tags_regex_reject"),
        ({"reject": (("env", "test"),)}, root({"env": "test"}), "filter_tags_reject"),
        ({"require": (("a", "b"),), "regex_require": (("c", "d"),)}, root(), "filter_tags_require"),
    ],
)
def test_conditions(rules, span, reason):
    filter_tags = FilterTags(**rules)
    assert (filter_tags.reason(span, {}), filter_tags.keeps(span, {})) == (reason, reason is None)
    assert filter_tags.errors == []


def test_tags_that_the_root_is_about_to_get_count_beside_its_own():
    required, rejected = FilterTags(require=(("env", "prod"),)), FilterTags(regex_reject=(("env", "^prod$"),))
    for meta, tags in (({"env": "prod"}, {"env": "x"}), ({"env": "x"}, {"env": "prod"}), ({}, {"env": "prod"})):
        assert required.keeps(root(meta), tags)
        assert not rejected.keeps(root(meta), tags)


@pytest.mark.parametrize(("rule", "kept"), [("regex_require", False), ("regex_reject", True)])
def test_a_pattern_that_does_not_compile_matches_nothing_and_is_told_once(rule, kept):
    filter_tags = FilterTags(**{rule: (("env", "[unclosed"),)})
    assert [filter_tags.keeps(root({"env": "[unclosed"}), {}) for _ in range(2)] == [kept, kept]
    assert len(filter_tags.errors) == 1
    assert "env:[unclosed" in filter_tags.errors[0]


def test_a_bad_pattern_leaves_its_neighbours_alone():
    filter_tags = FilterTags(regex_reject=(("a", "("), ("b", "^x")))
    assert filter_tags.reason(root({"b": "xy"}), {}) == "filter_tags_regex_reject"


def test_without_the_library_patterns_match_nothing_and_plain_conditions_go_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    filter_tags = FilterTags(reject=(("a", "b"),), regex_reject=(("c", "d"), ("e", None)))
    assert len(filter_tags.errors) == 1
    assert [filter_tags.keeps(root(meta), {}) for meta in ({"a": "b"}, {"c": "d"}, {"e": ""})] == [False, True, False]


def test_without_conditions_it_is_false_and_nothing_is_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    assert not FilterTags()
    assert FilterTags(reject=(("a", None),))
    assert FilterTags(regex_require=(("a", None),)).errors == []
