"""A pipeline with counted ids, and a REST event."""

import json
from itertools import count

import pytest

from fsm.time import Now
from pipelines.invocation.pipeline import InvocationPipeline
from pipelines.invocation.settings import InvocationSettings
from pipelines.triggers.model import TriggerSettings

START_MS = 1_714_557_600_400
REQUEST_ID = "8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11"


def settings_of(**changes):
    triggers = TriggerSettings(function_name="orders-api", account_id="123456789012", **changes.pop("triggers", {}))
    return InvocationSettings(**{"function_name": "orders-api", "service": "orders", "triggers": triggers} | changes)


class Told:
    """One sandbox: what it was told, in the words of the tests."""

    def __init__(self, **changes):
        ids = count(1000)
        self.pipeline = InvocationPipeline(settings_of(**changes), lambda: next(ids))
        self.sandbox, self.hooks = self.pipeline.sandbox, self.pipeline.hooks

    def begin(self, request_id=REQUEST_ID, at_ms=START_MS, **tags):
        self.pipeline.begin(request_id, Now(at_ms, 0), {"cold_start": "true", "runtime": "java21", **tags})
        self.pipeline.platform_start(request_id, at_ms * 1_000_000)

    def start(self, event=None, request_id=REQUEST_ID, **headers):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        facts, answer = self.pipeline.read_start({name.replace("_", "-"): value for name, value in headers.items()}, body)
        self.pipeline.take_start(request_id, facts)
        return {name.decode(): value.decode() for name, value in answer}

    def end(self, answer=b"", request_id=REQUEST_ID, **headers):
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        facts = self.pipeline.read_end(
            {f"x-datadog-{name.replace('_', '-')}": value for name, value in headers.items()}, body, Now(START_MS + 50, 0)
        )
        self.pipeline.take_end(request_id, facts)
        return facts

    def placeholder(self, request_id=REQUEST_ID, computed_stats=False, **changes):
        span = {"name": "dd-tracer-serverless-span", "resource": "dd-tracer-serverless-span", "service": "", "type": "", "trace_id": 99}
        span |= {"span_id": 555, "parent_id": 0, "start": 1, "duration": 1, "error": 0, "meta": {}, "metrics": {}}
        span |= changes
        span["meta"] = {"request_id": request_id, **span["meta"]}
        self.hooks.on_request(computed_stats)
        self.hooks.on_span(span)

    def over(self, duration_ms=123.456, status="success", error_type="", request_id=REQUEST_ID):
        self.pipeline.over(request_id, duration_ms, status, error_type)

    def finish(self, request_id=REQUEST_ID):
        made = self.pipeline.finish(request_id, Now(START_MS + 200, 0))
        return [] if made is None else made.spans


@pytest.fixture(scope="session")
def sandbox_of():
    return Told


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def rest_event():
    """The event of the specification's worked example (invocation 15)."""
    identity = {"sourceIp": "1.2.3.4", "userAgent": "curl/8"}
    return {
        "resource": "/orders/{id}",
        "httpMethod": "GET",
        "headers": {
            "X-Datadog-Trace-Id": "1234567890123456789",
            "X-Datadog-Parent-Id": "987654321",
            "X-Datadog-Sampling-Priority": "1",
            "X-Datadog-Tags": "_dd.p.tid=663212a000000000,_dd.p.dm=-1",
        },
        "multiValueHeaders": {},
        "requestContext": {
            "apiId": "a1b2",
            "domainName": "a1b2.execute-api.us-east-1.amazonaws.com",
            "stage": "prod",
            "path": "/prod/orders/42",
            "resourcePath": "/orders/{id}",
            "httpMethod": "GET",
            "requestTimeEpoch": 1714557600380,
            "requestId": "r-1",
            "protocol": "HTTP/1.1",
            "identity": identity,
        },
    }
