"""What is too large is halved by its kind, and nothing is lost on the way."""

import importlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dogstatsd import COUNT
from protocols.halves import halve, has_halves
from protocols.intake_body import Body
from protocols.intake_metrics import encode_checks, encode_event, encode_series


def logs_of(entries):
    return Body("logs", "/api/v2/logs", "application/json", json.dumps(entries, ensure_ascii=False).encode(), len(entries))


def series_of(count):
    [body] = encode_series([(f"m{number}", ("env:test",), 5, COUNT, 1.0, (), None) for number in range(count)])
    return body


ENTRIES = st.lists(st.dictionaries(st.sampled_from(["message", "ddtags"]), st.text(st.characters(codec="utf-8"))), min_size=2, max_size=9)


@given(ENTRIES)
def test_halves_of_logs_hold_every_entry_in_order(entries):
    first, second = halve(logs_of(entries))
    assert json.loads(first.raw) + json.loads(second.raw) == entries
    assert (first.items, second.items) == (len(entries) // 2, len(entries) - len(entries) // 2)
    assert (first.kind, first.path, first.content_type, first.encoding) == ("logs", "/api/v2/logs", "application/json", "")


def test_half_a_surrogate_pair_in_an_entry_costs_itself_alone():
    body = Body("logs", "/", "application/json", rb'[{"message":"\ud800"},{"message":"b"}]', 2)
    first, second = halve(body)
    assert json.loads(first.raw) == [{"message": "�"}]
    assert json.loads(second.raw) == [{"message": "b"}]


def test_series_and_checks_are_halved_too():
    [checks] = encode_checks([{"check": str(number)} for number in range(3)], ())
    for body in (series_of(3), checks):
        assert [half.items for half in halve(body)] == [1, 2]


@pytest.mark.parametrize("body", [logs_of([{"message": "a"}]), series_of(1), encode_event({"title": "t"}, ())], ids=lambda body: body.kind)
def test_a_single_item_has_no_halves(body):
    assert not has_halves(body)
    assert halve(body) == ()


def test_what_is_no_array_of_entries_is_refused():
    with pytest.raises(ValueError, match="Expecting"):
        halve(Body("logs", "/", "application/json", b"(", 2))


@pytest.mark.parametrize("kind", ["traces", "stats"])
def test_traces_and_statistics_have_halves_of_their_own_encoders_making(kind, monkeypatch):
    made = []
    monkeypatch.setattr(importlib.import_module(f"protocols.intake_{kind}"), "halve", lambda body: made.append(body) or (body, body))
    body = Body(kind, f"/api/v0.2/{kind}", "application/x-protobuf", b"", 2)
    assert halve(body) == (body, body)
    assert made == [body]


def test_what_is_passed_on_has_no_halves():
    assert not has_halves(Body("profiling", "/api/v2/profile", "x", bytes(9), 2))
