"""Requests that are passed on, until the next flush: what they become, and what a full queue costs."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from pipelines import proxy as module
from pipelines.proxy import ProxyPipeline
from protocols.intake_body import Body
from protocols.trace_api import Proxied

PROFILE = Proxied("profiling", "/api/v2/profile?a=1", "multipart/form-data; boundary=x", "gzip", ((b"via", b"me"),), b"\x00\xff")
TAGS = (b"X-Datadog-Additional-Tags", b"_dd.origin:lambda;functionname:my-function")


def test_a_request_becomes_a_body_of_its_own_with_the_functions_tags():
    pipeline = ProxyPipeline("my-function")
    pipeline.take(PROFILE)
    pipeline.take(attrs.evolve(PROFILE, product="evp", subdomain="a.b", headers=()))
    profile, evp = pipeline.seal()
    assert profile == Body("profiling", PROFILE.path, PROFILE.content_type, b"\x00\xff", 1, "gzip", ((b"via", b"me"), TAGS))
    assert (evp.kind, evp.subdomain, evp.headers) == ("evp", "a.b", (TAGS,))
    assert pipeline.seal() == []
    assert pipeline.statistics() == module.ProxyStatistics({"profiling": 1, "evp": 1}, {}, 0, 0)


@given(st.lists(st.integers(0, 3_000), max_size=30))
def test_beyond_its_bounds_the_oldest_goes_and_is_counted(sizes):
    pipeline = ProxyPipeline("f", bytes_max=9_000, requests_max=5)
    for number, size in enumerate(sizes):
        pipeline.take(attrs.evolve(PROFILE, path=f"/{number}", body=bytes(size)))
        assert pipeline.bytes <= 9_000
    kept = pipeline.seal()
    assert [body.path for body in kept] == [f"/{number}" for number in range(len(sizes))][len(sizes) - len(kept) :]
    assert len(kept) <= 5
    dropped = pipeline.statistics().dropped
    assert dropped == ({"profiling: no room": len(sizes) - len(kept)} if len(kept) < len(sizes) else {})
    assert len(kept) == min(5, len(sizes)) or sum(sizes) > 9_000 - 30 * (module.REQUEST_COST_BYTES + 200)


def test_a_flush_is_asked_for_before_anything_is_lost():
    pipeline = ProxyPipeline("f")
    pipeline.take(attrs.evolve(PROFILE, body=bytes(module.NEARLY_FULL_BYTES)))
    assert pipeline.is_nearly_full
    pipeline.seal()
    assert not pipeline.is_nearly_full
    few = ProxyPipeline("f", requests_max=4)
    few.take(PROFILE)
    assert not few.is_nearly_full
    few.take(PROFILE)
    assert few.is_nearly_full
