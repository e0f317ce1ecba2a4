"""What a payload says of the tracer (specification, traces 7.4)."""

import pytest

from pipelines.traces.chunk import Trace
from pipelines.traces.payload import FIELD_BYTES_MAX, TAGS_BYTES_MAX, bounded_tags, find_fields, make_fields
from protocols.intake_traces import PayloadFields
from protocols.trace_headers import TracerHeaders
from protocols.trace_values import Decoded

ALL = {"version": "1.2.3", "env": "prod", "_dd.hostname": "my-host", "runtime-id": "123"}
FOUND = {"app_version": "1.2.3", "env": "prod", "hostname": "my-host", "runtime_id": "123"}


def trace(*metas, root=0):
    spans = [{"span_id": number, "meta": meta} for number, meta in enumerate(metas, 1)]
    return Trace(spans, spans[root], 1, "", {})


@pytest.mark.parametrize(
    ("traces", "found"),
    [
        ([trace({}), trace(ALL)], FOUND),
        ([trace({}, ALL)], FOUND),
        ([trace({"env": "root"}, {"env": "child"})], {"env": "root"}),
        ([trace({"env": "child"}, {"env": "root"}, root=1)], {"env": "root"}),
        ([trace({"env": ""}, {"env": "child"})], {"env": "child"}),
        ([trace({"env": "first"}), trace({"env": "second", "version": "7"})], {"env": "first", "app_version": "7"}),
        ([trace({})], {}),
        ([], {}),
    ],
)
def test_each_field_is_sought_trace_by_trace_the_root_first(traces, found):
    assert find_fields(traces) == found


def made(found=(), headers=None, fallback=(), payload=(), tags=()):
    decoded = Decoded([], payload=dict(payload), tags=dict(tags))
    return make_fields(decoded, headers or TracerHeaders(), dict(found), dict(fallback), "a:b,c:d")


FUNCTION = (("_dd.tags.function", "a:b,c:d"),)


def test_headers_tell_of_language_tracer_and_container():
    headers = TracerHeaders("python", "3.12", "CPython", "psf", "2.9", "cid")
    expected = PayloadFields(language_name="python", language_version="3.12", tracer_version="2.9", container_id="cid", tags=FUNCTION)
    assert made(headers=headers) == expected


def test_what_the_payload_says_itself_counts_first_and_the_functions_settings_last():
    fallback = {"env": "fallback", "app_version": "0"}
    assert made(fallback=fallback)[-3:-1] == ("fallback", "0")
    assert made(found={"env": "spans"}, fallback=fallback)[-3:-1] == ("spans", "0")
    found = made(
        found={"env": "spans"}, fallback=fallback, payload={"env": "Payload", "language_name": "ruby"}, headers=TracerHeaders("go")
    )
    assert (found.env, found.language_name) == ("payload", "ruby")
    assert made(payload={"env": "!!"}, fallback=fallback).env == "fallback"


def test_tags_of_the_payload_stand_beside_the_functions():
    assert made(tags={"_dd.tags.process": "x", "_dd.tags.function": "not ours"}).tags == (*FUNCTION, ("_dd.tags.process", "x"))


def test_what_surrounds_the_chunks_is_bounded():
    found = made(found={"hostname": "ü" * 10_000}, tags={str(number): "x" * 10_000 for number in range(100)})
    assert len(found.hostname.encode()) == FIELD_BYTES_MAX
    assert sum(len(name) + len(value) for name, value in found.tags) < TAGS_BYTES_MAX
    assert bounded_tags({"a": "b"}) == {"a": "b"}
