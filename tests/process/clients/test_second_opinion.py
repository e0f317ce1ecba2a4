"""The same spans of a real tracer to Datadog's own test agent (`ddapm-test-agent`) and to the real process: both understand the same."""

import json
import os
import sys
import urllib.request
from importlib.util import find_spec

import pytest
import trio

from emulator.fake_runtime import Step
from protocols.trace_api import ENDPOINTS

pytestmark = [
    pytest.mark.peers,
    pytest.mark.long,  # for the installing, the first time
    pytest.mark.skipif(find_spec("ddtrace") is None, reason="the real tracer is not installed"),
]

TRACER_S = 30
# What differs from run to run.
OF_THE_RUN = {"runtime-id", "_dd.p.tid", "process_id", "_dd.tags.process"}
IN_FIELDS = {"_dd.span_links", "events"}
TRACES = 20

# Spans of every kind of field, none of which is to be obfuscated.
TRACER = """
import sys
from ddtrace.trace import tracer
for number in range(20):
    with tracer.trace("shop.order", service="shop", resource=f"order {number}", span_type="web") as root:
        root.set_tag("umlaut", "\\u00fc\\u4e2d\\U0001f600")
        root.set_tag("empty", "")
        root.set_metric("shop.price", number / 7)
        root.set_metric("shop.count", -number)
        with tracer.trace("shop.step", resource="a" * 200) as step:
            step.error = 1
            step.set_tag("error.message", "no more\\nof it")
            step.link_span(root.context, {"why": "because", "number": str(number)})
            step._add_event("packed", {"boxes": 3, "weight": 1.5, "fragile": True, "labels": ["a", "b"]}, 1_700_000_000_000_000_000)
tracer.flush()
tracer.shutdown()
"""


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read()
        return json.loads(text) if text[:1] in (b"{", b"[") else None


def environment_of(url, version):
    told = {"DD_TRACE_AGENT_URL": url, "DD_TRACE_API_VERSION": version, "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
    return {"PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_NAME": "orders", "DD_REMOTE_CONFIGURATION_ENABLED": "false", **told}


async def trace(url, version, **how):
    with trio.fail_after(TRACER_S):
        command = [sys.executable, "-c", TRACER]
        done = await trio.run_process(command, env=environment_of(url, version), capture_stderr=True, check=False, **how)
    assert (done.returncode, done.stderr) == (0, b"")


def shapes_of(spans):
    """The spans by what does not change from run to run: sorted, each with its parent's name and resource."""
    by_id = {span["span_id"]: span for span in spans}

    def shape(span):
        parent = by_id.get(span.get("parent_id", 0))
        meta = span.get("meta", {})
        return {
            **{name: span.get(name, "") for name in ("name", "service", "resource", "type")},
            "error": span.get("error", 0),
            "above": (parent["name"], parent["resource"]) if parent else None,
            "lasts": 0 < span["duration"] < 10**9,
            "meta": {name: value for name, value in meta.items() if name not in OF_THE_RUN | IN_FIELDS},
            "metrics": {name: value for name, value in span.get("metrics", {}).items() if name not in OF_THE_RUN},
            "links": [
                (link["attributes"], by_id[id_of(link["span_id"])]["name"])
                for link in span.get("span_links") or json.loads(meta.get("_dd.span_links", "[]"))
            ],
            "events": json.loads(meta.get("events", "[]")),
        }

    return sorted(map(shape, spans), key=lambda each: (each["name"], str(each["above"]), each["resource"]))


def id_of(value):
    return int(value, 16) if isinstance(value, str) else value


def within(theirs, ours):
    """Ours without the tags and metrics that only we have."""
    narrowed = {name: {key: ours[name][key] for key in ours[name].keys() & theirs[name].keys()} for name in ("meta", "metrics")}
    return ours | narrowed


@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
async def test_both_agents_understand_the_same(clients, scene_of, test_agent, version):
    await trio.to_thread.run_sync(get, f"{test_agent}/test/session/clear")
    await trace(test_agent, version)
    theirs = shapes_of([span for chunk in await trio.to_thread.run_sync(get, f"{test_agent}/test/traces") for span in chunk])
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=30_000)

    async def during(call):
        await trace("http://127.0.0.1:8126", version, preexec_fn=scene.sandbox.isolation.enter("/"))

    found = await scene.play([Step(during=during)])
    ours = shapes_of(clients.spans_of(found).all)
    assert len(theirs) == len(ours) == 2 * TRACES
    assert [within(*pair) for pair in zip(theirs, ours, strict=True)] == theirs
    assert all(each["links"] and each["events"] and each["above"] for each in theirs if each["name"] == "shop.step"), "nothing is left out"
    found.check_orderly()


def test_what_the_test_agent_names_as_served_we_serve_too(test_agent):
    """But `/tracer_flare`, which is for people at support, and configuration from afar, which no function has."""
    served, ours = ({path.rstrip("/") for path in paths} for paths in (get(f"{test_agent}/info")["endpoints"], ENDPOINTS))
    assert served - {"/tracer_flare/v1", "/v0.7/config"} - ours == set()
