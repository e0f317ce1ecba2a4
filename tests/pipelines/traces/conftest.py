"""What the tests of the traces pipeline share: spans, pipelines, and reading what was sealed with descriptors of the emulator."""

import pytest

from emulator.protobuf_schemas import decode_message
from fsm.time import Now
from pipelines.traces.facts import Hooks, TracesSettings
from pipelines.traces.pipeline import TracesPipeline
from protocols.trace_headers import TracerHeaders
from protocols.trace_values import Chunk, Decoded

NOW = Now(epoch_ms=1_795_442_417_764, mono_ms=0)
TAGS = {"region": "us-west-2", "functionname": "my-function", "service": "shop", "env": "Prod"}


def span(span_id=1, **fields):
    """A span that needs no normalising."""
    usual = {
        "service": "django", "name": "django.controller", "resource": "GET /some/raclette", "type": "web", "trace_id": 7001,
        "span_id": span_id,
        "parent_id": 0, "start": 1_700_000_000_000_000_000, "duration": 10_000_000, "error": 0, "meta": {}, "metrics": {},
    }  # fmt: skip
    return usual | fields


class Bench:
    """A pipeline under test."""

    def __init__(
        self, tags=TAGS, obfuscate=None, keeps=None, stats=None, bytes_max=None, on_request=None, on_span=None, holds=None, **settings
    ):
        hooks = Hooks(on_request, on_span, holds)
        bound = {} if bytes_max is None else {"bytes_max": bytes_max}
        self.pipeline = TracesPipeline(TracesSettings(**settings), obfuscate, keeps, hooks, stats, function_tags=tags, **bound)

    def take(self, *traces, headers=None, **decoded):
        """Each trace is a list of spans or a chunk."""
        chunks = [trace if isinstance(trace, Chunk) else Chunk(trace) for trace in traces]
        return self.pipeline.take(Decoded(chunks, **decoded), headers or TracerHeaders(), NOW)

    def take_held(self, spans, headers):
        return self.pipeline.take_held(Decoded([Chunk(spans)]), headers, NOW)

    def take_own(self, spans, computed_stats):
        return self.pipeline.take_own(spans, computed_stats, NOW)

    def payloads(self):
        """The tracer payloads of everything sealed, decoded."""
        documents = [decode_message("AgentPayload", body.raw) for body in self.pipeline.seal()]
        assert not [stranger for _, strangers in documents for stranger in strangers]
        return [payload for document, _ in documents for payload in document["tracer_payloads"]]

    def chunks(self):
        return [chunk for payload in self.payloads() for chunk in payload["chunks"]]

    def spans(self):
        return [each for chunk in self.chunks() for each in chunk["spans"]]

    def span_ids(self):
        return [each["span_id"] for each in self.spans()]

    @property
    def statistics(self):
        return self.pipeline.statistics()

    def counted(self):
        """Every span is somewhere: sealed, in hand, removed by rule, or dropped with a reason."""
        found = self.statistics
        assert found.taken == found.sealed + found.spans + sum(found.removed.values()) + sum(found.dropped.values())
        return found


@pytest.fixture(scope="session")
def bench():
    """`bench(compute_stats=True)` and the like makes a pipeline with these settings."""
    return Bench


@pytest.fixture(scope="session")
def make_span():
    return span
