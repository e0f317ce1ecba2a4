"""Rows of specification, traces 6.1 to 6.3."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.traces.normalise import Normaliser, cut, is_status_code, metric_name, service_of, tag_value

NOW_NS = 1_795_442_417_764_000_000
I64_MAX = 2**63 - 1


def normalised(**changes):
    span = {
        "service": "django", "name": "django.controller", "resource": "GET /some/raclette", "type": "http", "trace_id": 42, "span_id": 52,
        "parent_id": 1111, "start": 1448466874000000000, "duration": 10000000, "error": 0, "meta": {"user": "leo"}, "metrics": {},
    } | changes  # fmt: skip
    Normaliser().normalise(span, NOW_NS)
    return span


@pytest.mark.parametrize(
    ("field", "given_value", "expected"),
    [
        ("service", "django", "django"),
        ("service", "", "unnamed-service"),
        ("service", "retargeting(api-Staging ", "retargeting_api-staging"),
        ("service", "!!!", "unnamed-service"),
        ("name", "", "unnamed_operation"),
        ("name", "/", "unnamed_operation"),
        ("name", "&***", "unnamed_operation"),
        ("name", "CAMEMBERT" * 100, ("CAMEMBERT" * 100)[:100]),
        ("name", "pylons.controller", "pylons.controller"),
        ("name", "trace-api.request", "trace_api.request"),
        ("resource", "", "django.controller"),
        ("resource", "x" * 50_000, "x" * 50_000),
        ("type", "sql" * 1000, ("sql" * 1000)[:100]),
        ("type", "ü" * 60, "ü" * 50),
        ("start", 42, NOW_NS - 10000000),
        ("start", -(2**63), NOW_NS - 10000000),
        ("duration", 0, 0),
        ("duration", -50, 0),
        ("duration", I64_MAX, 0),
        ("meta", {"env": "DEVELOPMENT"}, {"env": "development"}),
        ("meta", {"env": "!!!"}, {"env": ""}),
        ("meta", {"http.status_code": "100"}, {"http.status_code": "100"}),
        ("meta", {"http.status_code": "599"}, {"http.status_code": "599"}),
        ("meta", {"http.status_code": "99"}, {}),
        ("meta", {"http.status_code": "600"}, {}),
        ("meta", {"http.status_code": "Invalid"}, {}),
        ("parent_id", 1111, 1111),
    ],
)
def test_a_field_becomes_what_the_table_says(field, given_value, expected):
    assert normalised(**{field: given_value}) == normalised() | {field: expected}


def test_a_resource_that_is_empty_is_the_normalised_name():
    assert normalised(resource="", name="trace-api.request")["resource"] == "trace_api.request"


def test_a_start_before_2000_with_a_duration_beyond_now_is_now():
    assert normalised(start=42, duration=2 * NOW_NS)["start"] == NOW_NS


def test_a_start_far_in_the_past_keeps_the_duration():
    found = normalised(start=-(2**63), duration=1)
    assert (found["duration"], found["start"] > 946684800000000000) == (1, True)


def test_an_end_beyond_all_time_costs_the_duration():
    assert normalised(start=I64_MAX, duration=1)["duration"] == 0


def test_an_end_beyond_all_time_costs_the_duration_too_where_the_start_is_moved_to_now():
    found = normalised(start=0, duration=7_427_929_619_090_775_808)
    assert (found["start"], found["duration"]) == (NOW_NS, 0)


def test_a_span_that_is_its_own_parent_and_trace_has_none():
    assert normalised(trace_id=42, span_id=42, parent_id=42)["parent_id"] == 0
    assert normalised(trace_id=41, span_id=42, parent_id=42)["parent_id"] == 42


@pytest.mark.parametrize(
    ("text", "is_code"),
    [("200", True), ("+200", True), ("-200", False), ("0200", True), (" 200", False), ("2_00", False), ("", False), ("+", False),
     ("200.0", False), ("٢٠٠", False), ("9" * 5000, False)],
)  # fmt: skip
def test_a_status_code_is_a_plain_number(text, is_code):
    assert is_status_code(text) is is_code


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("ok", "ok"), ("", ""), ("AlsO:ök", "also:ök"), ("AlsO_ök", "also_ök"), ("Test Conditions", "test_conditions"), ("fun:ny^t@g$",
        "fun:ny_t_g"),
        ("weird_underscores___", "weird_underscores"), ("___a", "a"), ("_", ""), ("  a  ", "a"), ("1a", "a"), ("./-a1./-", "a1./-"),
        ("_:a", ":a"), ("a__b", "a_b"), ("a!_b", "a_b"), ("日本語", "日本語"), ("a😀b", "a_b"), ("😀", ""), ("½a", "a"), ("a½", "a½"),
        ("İx", "ix"),
        ("a" * 888, "a" * 200), ("ü" * 300, "ü" * 200), ("日" * 300, "日" * 134), ("a" + " " * 300 + "b", "a_b"), ("a" * 199 + "  b",
        "a" * 199),
    ],
)  # fmt: skip
def test_a_tag_follows_its_rule(text, tag):
    assert tag_value(text) == tag


def test_only_the_beginning_of_a_long_text_is_looked_at():
    assert tag_value("a" + " " * 4_095 + "b") == "a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Weird Name!!", "Weird_Name"), ("GET /orders/{id}", "GET_orders_id"), ("a--", "a"), ("a!!b", "a_b"), ("a__b", "a_b"),
        ("123 a!!b", "a_b"), ("a._b", "a.b"), ("a_.b", "a.b"), ("a..b", "a.b"), ("a.", "a."), ("übung", "bung"), ("aüb", "a_b"), ("٣a٣",
        "a"),
        ("", ""), ("_._", ""),
    ],
)  # fmt: skip
def test_a_name_follows_its_rule(text, name):
    assert metric_name(text) == name


@settings(deadline=None)
@given(st.text(), st.integers(1, 30))
def test_nothing_is_cut_within_a_character(text, bytes_max):
    found = cut(text, bytes_max)
    assert text.startswith(found)
    size = len(found.encode())
    assert size <= bytes_max
    assert found == text or size + len(text[len(found)].encode()) > bytes_max


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_makes_a_service_a_name_and_a_tag_of_their_size(text):
    assert 0 < len(service_of(text).encode()) <= 400
    tag = tag_value(text)
    assert len(tag) <= 200
    assert len(tag.encode("utf-8", "replace")) <= 403
    assert tag_value(tag) == tag
    name = metric_name(text)
    assert name == metric_name(name)
    assert all(part.isascii() and part.isalnum() for part in name.replace(".", "_").split("_") if part)
