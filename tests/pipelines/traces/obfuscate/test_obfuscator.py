"""What is done to a span of each type, in which order (specification, traces 9.1)."""

import pytest

from pipelines.traces.obfuscate import obfuscator, sql, url
from pipelines.traces.obfuscate.obfuscator import ObfuscationSettings, make_obfuscator

EVERYTHING_OFF = ObfuscationSettings()
EVERYTHING_ON = ObfuscationSettings(
    http_remove_query_string=True,
    redis_enabled=True,
    valkey_enabled=True,
    valkey_remove_all_args=True,
    memcached_enabled=True,
    memcached_keep_command=True,
    mongodb_enabled=True,
    elasticsearch_enabled=True,
    elasticsearch_keep=("k",),
    opensearch_enabled=True,
    opensearch_sql=("q",),
    credit_cards_enabled=True,
    replace_rules=(("*", "ZZZ", "zz"), ("resource.name", "ZZZ", "zz")),
)


def make_span(kind, resource="ZZZ", **meta):
    return {"type": kind, "resource": resource, "meta": {key.replace("_", "."): value for key, value in meta.items()}}


def obfuscated(settings, span):
    warnings = []
    make_obfuscator(settings, warnings.append)(span)
    assert warnings == []
    return span["resource"], span["meta"]


@pytest.mark.parametrize("kind", ["web", "http"])
def test_urls(kind):
    assert obfuscated(EVERYTHING_OFF, make_span(kind, http_url="http://a:b@c/?d")) == ("ZZZ", {"http.url": "http://c/?d"})
    assert obfuscated(EVERYTHING_ON, make_span(kind, http_url="http://a:b@c/?d")) == ("zz", {"http.url": "http://c/?"})
    assert obfuscated(EVERYTHING_OFF, make_span(kind)) == ("ZZZ", {})


@pytest.mark.parametrize("kind", ["sql", "cassandra"])
def test_queries(kind):
    assert obfuscated(EVERYTHING_OFF, make_span(kind, "a = 1", db_type="x")) == ("a = ?", {"db.type": "x", "sql.query": "a = ?"})
    assert obfuscated(EVERYTHING_OFF, make_span(kind, " ")) == ("", {"sql.query": ""})
    assert obfuscated(EVERYTHING_OFF, make_span(kind, "")) == ("", {})


def test_the_dialect_is_the_tag_in_any_case():
    assert obfuscated(EVERYTHING_OFF, make_span("sql", "[a]", db_type="MSSQL"))[0] == "a"
    assert obfuscated(EVERYTHING_OFF, make_span("sql", "a ? 'b'", db_type="PostgreSQL"))[0] == "a ? ?"
    assert obfuscated(EVERYTHING_OFF, make_span("sql", "[a]", db_type="mysql"))[0] == "[ a ]"


@pytest.mark.parametrize(
    ("kind", "tag", "value", "off", "on"),
    [
        ("redis", "redis.raw_command", "SET k v", "SET k v", "SET k ?"),
        ("valkey", "valkey.raw_command", "SET k v", "SET k v", "SET ?"),
        ("memcached", "memcached.command", "set k\r\nv", "set k\r\nv", "set k"),
        ("mongodb", "mongodb.query", '{"k":1}', '{"k":1}', '{"k":"?"}'),
        ("elasticsearch", "elasticsearch.body", '{"k":1}', '{"k":1}', '{"k":1}'),
        ("opensearch", "opensearch.body", '{"q":"a = 1"}', '{"q":"a = 1"}', '{"q":"a = ?"}'),
        ("any", "card.number", "4111111111111111", "4111111111111111", "?"),
    ],
)
def test_what_is_off_by_default(kind, tag, value, off, on):
    for settings, result in ((EVERYTHING_OFF, off), (EVERYTHING_ON, on)):
        span = make_span(kind) | {"meta": {tag: value}}
        assert obfuscated(settings, span)[1] == {tag: result}


@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_the_resource_of_commands_is_their_names_alone(kind):
    for settings in (EVERYTHING_OFF, EVERYTHING_ON):
        assert obfuscated(settings, make_span(kind, "get key\nset a b")) == ("GET SET", {})


@pytest.mark.parametrize("kind", ["SQL", "Web", "", "custom", "redis "])
def test_other_types_are_left_alone(kind):
    span = make_span(kind, "SELECT 1", http_url="http://a:b@c", redis_raw_command="AUTH x")
    before = {**span, "meta": dict(span["meta"])}
    make_obfuscator(EVERYTHING_OFF)(span)
    assert span == before


def test_cards_come_first_and_replace_rules_last():
    settings = ObfuscationSettings(credit_cards_enabled=True, replace_rules=(("card.number", r"\?", "card"), ("*", "[?]", "one value")))
    span = make_span("sql", "a = 1", card_number="4111111111111111")
    assert obfuscated(settings, span) == ("a = ?", {"card.number": "card", "sql.query": "a = one value"})


def test_a_rule_that_does_not_compile_is_told_and_the_others_are_applied():
    warnings = []
    obfuscate = make_obfuscator(ObfuscationSettings(replace_rules=(("a", "(", ""), ("b", "x", "y"))), warnings.append)
    span = make_span("", b="x")
    obfuscate(span)
    assert (len(warnings), span["meta"]) == (1, {"b": "y"})


def test_a_text_is_worked_out_once_for_each_dialect(monkeypatch):
    seen = []
    monkeypatch.setattr(obfuscator, "obfuscate_sql", lambda text, db_type: seen.append((text, db_type)) or "sql")
    monkeypatch.setattr(obfuscator, "obfuscate_url", lambda text, **_: seen.append(text) or "url")
    obfuscate = make_obfuscator(EVERYTHING_OFF)
    for _ in range(3):
        obfuscate(make_span("sql", "a"))
        obfuscate(make_span("sql", "a", db_type="mssql"))
        obfuscate(make_span("cassandra", "a", db_type="other"))
        obfuscate(make_span("web", http_url="u"))
    assert seen == [("a", "generic"), ("a", "mssql"), "u"]


def test_of_texts_that_differ_in_plain_literals_only_one_is_read(monkeypatch):
    seen = []
    monkeypatch.setattr(obfuscator, "obfuscate_sql", lambda text, db_type: seen.append((text, db_type)) or "sql")
    obfuscate = make_obfuscator(EVERYTHING_OFF)
    for number in range(9):
        obfuscate(make_span("sql", f"a = {number} AND b = 'x{number}'"))
        obfuscate(make_span("sql", f"a = {number} AND b = 'x{number}'", db_type="mssql"))
    assert seen == [("a = 0 AND b = ''", "generic"), ("a = 0 AND b = ''", "mssql")]


def test_what_is_remembered_has_a_bound(monkeypatch):
    monkeypatch.setattr(obfuscator, "SQL_CACHE_BYTES_MAX", 4096)
    calls = []
    monkeypatch.setattr(obfuscator, "obfuscate_sql", lambda text, db_type: calls.append(text) or "x")
    obfuscate = make_obfuscator(EVERYTHING_OFF)
    for round_number in range(2):
        for number in range(100):
            obfuscate(make_span("sql", f"query{number}"))
        assert len(calls) == 100 * (round_number + 1), "a hundred entries of half a kilobyte do not fit"


def test_the_longest_texts_are_shortened_or_hidden():
    long = make_span("sql", "a, " * sql.TEXT_CHARACTERS_MAX)
    assert len(obfuscated(EVERYTHING_OFF, long)[0]) <= sql.TEXT_CHARACTERS_MAX + len(sql.CUT_MARK)
    assert obfuscated(EVERYTHING_OFF, make_span("web", http_url="h" * (url.URL_CHARACTERS_MAX + 1)))[1] == {"http.url": "?"}
