"""Recorded runs as text: strict reading, with file, line and reason; and what is written can be read."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.fixture import (
    FixtureError,
    Header,
    Told,
    datagram_fields,
    datagrams_of,
    header_line,
    lives,
    parse,
    request_fields,
    request_of,
    told_line,
)
from protocols.http_server import Request

HEAD = '{"fixture":"lambda-reactor/1","name":"cold","epoch_ms":1700000000000,"environment":{"DD_ENV":"test"}}'
JSON_TEXT = st.text(st.characters(codec="utf-8"))
RECORDS = st.lists(
    st.dictionaries(JSON_TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | JSON_TEXT | st.lists(JSON_TEXT), max_size=4),
    max_size=3,
)
HEADERS = st.lists(st.tuples(st.sampled_from([b"x-a", b"accept", b"x-\xe9"]), st.binary(max_size=5)), max_size=3)
REQUESTS = st.builds(Request, st.just("PUT"), st.just("/v0.4/traces?a=1"), HEADERS.map(tuple), st.binary(max_size=20))
TOLD = st.one_of(
    st.builds(lambda id: ("register", {"account_id": id}), JSON_TEXT),
    st.builds(lambda why: ("register", {"refused": why}), JSON_TEXT),
    st.just(("subscribe", {})),
    st.builds(lambda why: ("subscribe", {"refused": why}), JSON_TEXT),
    st.builds(lambda answer: ("next", {"answer": answer}), st.dictionaries(JSON_TEXT, JSON_TEXT)),
    st.builds(lambda why, fatal: ("next", {"failed": why, "fatal": fatal}), JSON_TEXT, st.booleans()),
    st.builds(lambda records: ("telemetry", {"records": records}), RECORDS),
    st.builds(lambda datagrams: ("datagrams", datagram_fields(datagrams)), st.lists(st.binary(max_size=20), max_size=5)),
    st.builds(lambda request: ("request", request_fields(request)), REQUESTS),
    st.builds(lambda jump: ("clock", {"jump_ms": jump}), st.integers()),
    st.builds(lambda status: ("intake", {"status": status}), st.integers(100, 599)),
    st.just(("sigterm", {})),
)


def read(*lines):
    header, told = parse(lines, "run.jsonl")
    return header, list(told)


def test_a_header_and_what_was_told_in_order():
    header, told = read(HEAD, '{"at_ms":0,"in":"subscribe"}', "", '{"at_ms":5,"in":"telemetry","records":[{"type":"function"}]}')
    assert header == Header("cold", 1_700_000_000_000, {"DD_ENV": "test"})
    assert told == [Told(0, "subscribe", {}), Told(5, "telemetry", {"records": [{"type": "function"}]})]


def test_a_header_without_a_name_goes_by_its_file():
    header, _ = read('{"fixture":"lambda-reactor/1","epoch_ms":0}')
    assert header == Header("run.jsonl", 0, {})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", 'the first line must say "fixture": "lambda-reactor/1"'),
        ('{"fixture":"lambda-reactor/2","epoch_ms":0}', 'the first line must say "fixture": "lambda-reactor/1"'),
        ('{"fixture":"lambda-reactor/1"}', "epoch_ms must be a whole number"),
        ('{"fixture":"lambda-reactor/1","epoch_ms":-1}', "epoch_ms must be a whole number"),
        ('{"fixture":"lambda-reactor/1","epoch_ms":1.5}', "epoch_ms must be a whole number"),
        ('{"fixture":"lambda-reactor/1","epoch_ms":true}', "epoch_ms must be a whole number"),
        ('{"fixture":"lambda-reactor/1","epoch_ms":0,"environment":[]}', "environment must hold texts"),
        ('{"fixture":"lambda-reactor/1","epoch_ms":0,"environment":{"A":1}}', "environment must hold texts"),
    ],
)
def test_a_bad_header_is_refused_with_its_line_and_reason(line, reason):
    with pytest.raises(FixtureError) as caught:
        read(line)
    assert (caught.value.name, caught.value.line) == ("run.jsonl", 1)
    assert reason in str(caught.value)
    assert str(caught.value).startswith("run.jsonl:1: ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "not JSON"),
        ("7", "not a JSON object"),
        ('{"in":"sigterm"}', "at_ms must be a whole number"),
        ('{"at_ms":-1,"in":"sigterm"}', "at_ms must be a whole number"),
        ('{"at_ms":true,"in":"sigterm"}', "at_ms must be a whole number"),
        ('{"at_ms":"1","in":"sigterm"}', "at_ms must be a whole number"),
        ('{"at_ms":1}', "in must be one of register, subscribe, next"),
        ('{"at_ms":1,"in":"nap"}', "in must be one of register, subscribe, next"),
        ('{"at_ms":1,"in":["next"]}', "in must be one of"),
        ('{"at_ms":1,"in":"sigterm","why":"x"}', "sigterm has no field 'why'"),
        ('{"at_ms":1,"in":"telemetry"}', "telemetry needs records"),
        ('{"at_ms":1,"in":"telemetry","records":{}}', "telemetry: records has a wrong type"),
        ('{"at_ms":1,"in":"telemetry","records":[7]}', "telemetry: records has a wrong type"),
        ('{"at_ms":1,"in":"telemetry","records":[],"refused":[1]}', "telemetry: refused has a wrong type"),
        ('{"at_ms":1,"in":"telemetry","record":[]}', "telemetry has no field 'record'"),
        ('{"at_ms":1,"in":"next"}', "next needs either answer or failed"),
        ('{"at_ms":1,"in":"next","answer":{},"failed":"x"}', "next needs either answer or failed"),
        ('{"at_ms":1,"in":"next","answer":[]}', "next: answer has a wrong type"),
        ('{"at_ms":1,"in":"next","failed":"x","fatal":1}', "next: fatal has a wrong type"),
        ('{"at_ms":1,"in":"datagrams","lines":"m:1|c"}', "datagrams: lines has a wrong type"),
        ('{"at_ms":1,"in":"request","method":"PUT","target":"/","headers":[["a"]]}', "request: headers has a wrong type"),
        ('{"at_ms":1,"in":"request","method":"PUT"}', "request needs target"),
        ('{"at_ms":1,"in":"clock"}', "clock needs jump_ms"),
        ('{"at_ms":1,"in":"clock","jump_ms":true}', "clock: jump_ms has a wrong type"),
        ('{"at_ms":1,"in":"intake","status":"202"}', "intake: status has a wrong type"),
        ('{"at_ms":1,"in":"register","account_id":7}', "register: account_id has a wrong type"),
    ],
)
def test_a_bad_line_is_refused_where_it_stands_and_not_before(line, reason):
    _, told = parse([HEAD, '{"at_ms":0,"in":"subscribe"}', line], "run.jsonl")
    assert next(told) == Told(0, "subscribe", {})
    with pytest.raises(FixtureError, match=r"^run\.jsonl:3: ") as caught:
        next(told)
    assert reason in str(caught.value)


def test_time_that_goes_back_is_refused():
    _, told = parse([HEAD, '{"at_ms":5,"in":"sigterm"}', '{"at_ms":4,"in":"sigterm"}'], "run.jsonl")
    with pytest.raises(FixtureError, match=r"run\.jsonl:3: at_ms goes back from 5 to 4"):
        list(told)


@given(st.lists(st.tuples(st.integers(0, 10**6), TOLD), max_size=6), st.dictionaries(JSON_TEXT, JSON_TEXT, max_size=3), JSON_TEXT)
def test_what_is_written_is_read_back(told, environment, text):
    values = [Told(at_ms, kind, fields) for at_ms, (kind, fields) in sorted(told, key=lambda item: item[0])]
    header = Header("run", 1_700_000_000_000, environment, text)
    lines = "".join([header_line(header), *map(told_line, values)])
    assert lines.count("\n") == len(values) + 1
    found, rest = parse(lines.split("\n"), "run.jsonl")
    assert (found, list(rest)) == (header, values)


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_datagrams_of_any_bytes_survive(datagrams):
    assert datagrams_of(json.loads(json.dumps(datagram_fields(datagrams)))) == datagrams


@given(REQUESTS)
def test_a_request_survives_but_for_its_secrets(request):
    with_key = attrs.evolve(request, headers=(*request.headers, (b"dd-api-key", b"k")))
    assert request_of(json.loads(json.dumps(request_fields(with_key)))) == request


def test_base64_that_is_none_is_refused():
    with pytest.raises(ValueError, match="base64"):
        datagrams_of({"base64": ["not base64!"]})


# --- several lives in one file -------------------------------------------------------------------------------------------------

SECOND = '{"fixture":"lambda-reactor/1","name":"again","epoch_ms":1700000009000}'


def read_lives(*lines):
    return [(header.name, list(told)) for header, told in lives(lines, "run.jsonl")]


def test_a_further_header_begins_the_next_life_and_time_begins_anew():
    assert read_lives(HEAD, '{"at_ms":5,"in":"sigterm"}', SECOND, '{"at_ms":1,"in":"subscribe"}', SECOND) == [
        ("cold", [Told(5, "sigterm", {})]),
        ("again", [Told(1, "subscribe", {})]),
        ("again", []),
    ]


def test_one_life_is_read_alike_either_way():
    lines = (HEAD, "", '{"at_ms":5,"in":"sigterm"}')
    assert read_lives(*lines) == [(read(*lines)[0].name, read(*lines)[1])]


def test_a_second_life_is_refused_where_one_is_wanted():
    with pytest.raises(FixtureError, match=r"run\.jsonl:3: a second life begins here"):
        read(HEAD, '{"at_ms":5,"in":"sigterm"}', SECOND)


def test_what_is_left_unread_of_a_life_is_skipped_but_checked():
    lines = (HEAD, '{"at_ms":5,"in":"sigterm"}', '{"at_ms":6,"in":"sigterm"}', SECOND)
    assert [header.name for header, _ in lives(lines, "run.jsonl")] == ["cold", "again"]
    with pytest.raises(FixtureError, match=r"run\.jsonl:3: at_ms goes back"):
        [header.name for header, _ in lives((*lines[:2], '{"at_ms":4,"in":"sigterm"}', SECOND), "run.jsonl")]


@pytest.mark.parametrize(("lines", "line"), [((), 1), ((HEAD, '{"fixture":"lambda-reactor/0"}'), 2), ((HEAD, '{"fixture":null}'), 2)])
def test_a_bad_header_is_refused_wherever_it_stands(lines, line):
    with pytest.raises(FixtureError, match=rf"run\.jsonl:{line}: "):
        read_lives(*lines)


@given(st.lists(st.lists(TOLD, max_size=3), min_size=1, max_size=4))
def test_lives_that_are_written_are_read_back(each):
    values = [(Header(f"life {number}", number, {}), [Told(0, *told) for told in life]) for number, life in enumerate(each)]
    text = "".join("".join([header_line(header), *map(told_line, told)]) for header, told in values)
    assert [(header, list(told)) for header, told in lives(text.split("\n"), "run.jsonl")] == values
