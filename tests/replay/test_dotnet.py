"""A function for .NET, replayed from its requests (written by hand, see `fixtures/made_dotnet.py`): one trace for each invocation."""

from random import Random

import pytest

from emulator.decode import decode
from fixtures import made_dotnet, record
from reactor.agent.replay import Replay, Watcher, settings_of


class Spans(Watcher):
    """Keeps the spans that would have been sent, as an intake reads them."""

    def __init__(self):
        self.all = []

    def sent(self, sent):
        body = sent.payload.body
        if body.kind != "traces":
            return
        headers = ((b"content-type", body.content_type.encode()), (b"dd-api-key", b"0" * 32), *body.headers)
        document = decode(body.path, headers, body.raw).document
        self.all += [span for payload in document["tracer_payloads"] for chunk in payload["chunks"] for span in chunk["spans"]]


@pytest.fixture(scope="module")
def spans():
    ((header, told),) = record.read(made_dotnet.NAME)
    watcher = Spans()
    Replay(header, settings_of(header)[0], Random(0).random, watcher).run(told)
    return watcher.all


@pytest.fixture
def invoked(spans):
    """The span of each invocation: through an HTTP API, from a queue, plain, failed."""
    return sorted((span for span in spans if span["name"] == "aws.lambda"), key=lambda span: span["meta"]["request_id"])


def test_each_invocation_has_one_span_under_the_id_that_only_the_end_call_told(spans, invoked):
    assert [span["meta"]["request_id"] for span in invoked] == [f"request-{number}" for number in range(4)]
    assert [span["span_id"] for span in invoked] == [500, 501, 502, 503]
    orders = {span["parent_id"]: span["trace_id"] for span in spans if span["name"] == "shop.order"}
    assert orders == {span["span_id"]: span["trace_id"] for span in invoked}


def test_what_invoked_it_stands_above_and_the_upstream_context_above_that(spans, invoked):
    [api], [message] = ([span for span in spans if span["name"] == name] for name in ("aws.httpapi", "aws.sqs"))
    http, queue, plain, _ = invoked
    assert (http["parent_id"], http["trace_id"], api.get("parent_id", 0)) == (api["span_id"], api["trace_id"], 0)
    assert (queue["parent_id"], queue["trace_id"]) == (message["span_id"], made_dotnet.UPSTREAM_TRACE)
    assert (message["trace_id"], message["parent_id"]) == (made_dotnet.UPSTREAM_TRACE, made_dotnet.UPSTREAM_PARENT)
    assert plain.get("parent_id", 0) == 0
    assert [span["meta"].get("http.status_code") for span in invoked] == ["200", "200", "200", None]


def test_an_error_in_base64_is_told_in_plain_text(invoked):
    assert [span.get("error", 0) for span in invoked] == [0, 0, 0, 1]
    assert {name: invoked[3]["meta"][f"error.{name}"] for name in made_dotnet.ERROR} == made_dotnet.ERROR


def test_what_is_made_is_what_lies_there():
    """If this fails: `python -m fixtures.record --made`."""
    story = made_dotnet.calls_of_dotnet()
    assert record.read(made_dotnet.NAME) == [(story.header, story.told)]
