"""Each setting of obfuscation and of the trace filter arrives where it is used."""

import attrs
import pytest

from pipelines.traces.obfuscate.obfuscator import ObfuscationSettings
from reactor.agent.obfuscation import filter_tags, obfuscation_settings
from reactor.config.load import load

OBFUSCATION = "DD_APM_OBFUSCATION_"
FLAGS = {
    "HTTP_REMOVE_QUERY_STRING": "http_remove_query_string",
    "HTTP_REMOVE_PATHS_WITH_DIGITS": "http_remove_paths_with_digits",
    "REDIS_ENABLED": "redis_enabled",
    "REDIS_REMOVE_ALL_ARGS": "redis_remove_all_args",
    "VALKEY_ENABLED": "valkey_enabled",
    "VALKEY_REMOVE_ALL_ARGS": "valkey_remove_all_args",
    "MEMCACHED_ENABLED": "memcached_enabled",
    "MEMCACHED_KEEP_COMMAND": "memcached_keep_command",
    "MONGODB_ENABLED": "mongodb_enabled",
    "ELASTICSEARCH_ENABLED": "elasticsearch_enabled",
    "OPENSEARCH_ENABLED": "opensearch_enabled",
    "CREDIT_CARDS_ENABLED": "credit_cards_enabled",
    "CREDIT_CARDS_LUHN": "credit_cards_luhn",
}
NAMES = {
    "MONGODB_KEEP_VALUES": "mongodb_keep",
    "MONGODB_OBFUSCATE_SQL_VALUES": "mongodb_sql",
    "ELASTICSEARCH_KEEP_VALUES": "elasticsearch_keep",
    "ELASTICSEARCH_OBFUSCATE_SQL_VALUES": "elasticsearch_sql",
    "OPENSEARCH_KEEP_VALUES": "opensearch_keep",
    "OPENSEARCH_OBFUSCATE_SQL_VALUES": "opensearch_sql",
    "CREDIT_CARDS_KEEP_VALUES": "credit_cards_keep",
}


def of(**env):
    settings, findings = load({"DD_API_KEY": "k", **env}, None)
    assert findings == ()
    return settings


def test_nothing_that_is_optional_is_on():
    assert obfuscation_settings(of()) == ObfuscationSettings()
    assert not filter_tags(of())


@pytest.mark.parametrize(("variable", "field"), FLAGS.items())
def test_flags(variable, field):
    assert obfuscation_settings(of(**{OBFUSCATION + variable: "true"})) == attrs.evolve(ObfuscationSettings(), **{field: True})


@pytest.mark.parametrize(("variable", "field"), NAMES.items())
def test_names(variable, field):
    assert obfuscation_settings(of(**{OBFUSCATION + variable: "a,b"})) == attrs.evolve(ObfuscationSettings(), **{field: ("a", "b")})


def test_replace_rules():
    settings = of(DD_APM_REPLACE_TAGS='[{"name": "a", "pattern": "b", "repl": "c"}]')
    assert obfuscation_settings(settings).replace_rules == (("a", "b", "c"),)


def test_every_field_is_a_setting():
    assert {field.name for field in attrs.fields(ObfuscationSettings)} == {*FLAGS.values(), *NAMES.values(), "replace_rules"}


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("REQUIRE", "env:x", "filter_tags_require"),
        ("REJECT", "env", "filter_tags_reject"),
        ("REGEX_REQUIRE", "env:^x$", "filter_tags_regex_require"),
        ("REGEX_REJECT", "env:pro", "filter_tags_regex_reject"),
    ],
)
def test_filter_tags(variable, value, reason):
    found = filter_tags(of(**{f"DD_APM_FILTER_TAGS_{variable}": value}))
    assert found.reason({"meta": {"env": "prod"}}, {}) == reason
