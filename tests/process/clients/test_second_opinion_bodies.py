"""Bodies that no tracer here sends (v0.7, v1.0), and statistics, to Datadog's own test agent and to the real process: read alike.

What is compared is what each has made of every span and every group: of ours, as it arrives at the intake.
"""

import json
import urllib.request

import msgpack
import pytest
import trio

from emulator.fake_runtime import Step

pytestmark = [pytest.mark.peers, pytest.mark.long]  # long for the installing, the first time

LOW, HIGH = 0x123456789ABCDEF0, 0x66F0000000000000
START_NS = 1_795_442_417_000_000_000
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
PROMOTED = {"env": 13, "version": 14, "component": 15}
HEADERS = {
    "Content-Type": "application/msgpack", "Datadog-Meta-Lang": "rust", "Datadog-Meta-Lang-Version": "1.80", "X-Datadog-Trace-Count": "3",
    "Datadog-Meta-Tracer-Version": "0.9.1",
}  # fmt: skip
FIELDS = ("name", "service", "resource", "type", "trace_id", "span_id", "parent_id", "start", "duration", "error")
GROUP_FIELDS = ("Name", "Resource", "Service", "Type", "HTTPStatusCode", "Hits", "TopLevelHits", "Duration", "Errors")


def span(number, **changes):
    made = {
        "service": "shop", "name": "shop.order", "resource": f"order {number}", "type": "web", "trace_id": LOW, "span_id": 1000 + number,
        "parent_id": 0 if number == 0 else 1000, "start": START_NS + number, "duration": 5_000 + number, "error": number % 2,
        "meta": {"umlaut": "ü中😀", "number": str(number), "span.kind": [*KINDS][number % 5], "env": "lab", "component": "axum"},
        "metrics": {"shop.price": number / 7, "shop.count": -1.0 * number, "large": 2.0**60},
    }  # fmt: skip
    return made | changes


LINK = {"trace_id": 7, "trace_id_high": 9, "span_id": 8, "attributes": {"why": "because"}, "tracestate": "dd=s:1", "flags": 1}
EVENT = {"time_unix_nano": START_NS, "name": "packed"}
TRACES = [
    [span(number) for number in range(6)],
    [span(10, meta={"a": "b"}, metrics={}, type="", parent_id=0)],
    [span(20, span_links=[LINK], parent_id=0), span(21, span_events=[EVENT], parent_id=1020)],
]


# --- how the versions write them


def v07(traces):
    chunks = [{"priority": 2, "origin": "lambda", "spans": spans, "tags": {"_dd.p.dm": "-4"}} for spans in traces]
    return {"language_name": "rust", "tracer_version": "0.9.1", "env": "lab", "chunks": chunks}


class Writer:
    """v1.0: texts as themselves the first time, and as their place from then on."""

    def __init__(self):
        self._places = {"": 0}

    def text(self, text):
        if text in self._places:
            return self._places[text]
        self._places[text] = len(self._places)
        return text

    def attributes(self, values):
        return [part for name, value in values.items() for part in (self.text(name), *self._value(value))]

    def _value(self, value):
        return (1, self.text(value)) if type(value) is str else (3, value)

    def span(self, span):
        meta = {name: value for name, value in span["meta"].items() if name not in PROMOTED and name != "span.kind"}
        out = {1: self.text(span["service"]), 2: self.text(span["name"]), 3: self.text(span["resource"]), 4: span["span_id"]}
        out |= {5: span["parent_id"], 6: span["start"], 7: span["duration"], 8: bool(span["error"])}
        out[9] = self.attributes(meta | span["metrics"])
        out[10] = self.text(span["type"])
        out[11] = [self._link(link) for link in span.get("span_links", ())]
        out[12] = [{1: event["time_unix_nano"], 2: self.text(event["name"]), 3: []} for event in span.get("span_events", ())]
        out |= {number: self.text(span["meta"].get(name, "")) for name, number in PROMOTED.items()}
        return out | {16: KINDS.get(span["meta"].get("span.kind"), 0)}

    def _link(self, link):
        trace_id = (link["trace_id_high"] << 64 | link["trace_id"]).to_bytes(16, "big")
        attributes = self.attributes(link["attributes"])
        return {1: trace_id, 2: link["span_id"], 3: attributes, 4: self.text(link["tracestate"]), 5: link["flags"]}


def v10(traces):
    writer, trace_id = Writer(), (HIGH << 64 | LOW).to_bytes(16, "big")
    head = {3: writer.text("rust"), 5: writer.text("0.9.1"), 7: writer.text("lab")}
    chunks = [
        {
            1: 2,
            2: writer.text("lambda"),
            3: writer.attributes({"shop": "north"}),
            4: [writer.span(each) for each in spans],
            6: trace_id,
            7: 4,
        }
        for spans in traces
    ]
    return head | {11: chunks}


# --- both agents


def ask(url, body=None):
    request = urllib.request.Request(url, None if body is None else msgpack.packb(body), HEADERS, method="GET" if body is None else "POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text[:1] in (b"{", b"[") else None


async def theirs_of(test_agent, path, body, asked):
    await trio.to_thread.run_sync(ask, f"{test_agent}/test/session/clear")
    await trio.to_thread.run_sync(ask, test_agent + path, body)
    return await trio.to_thread.run_sync(ask, test_agent + asked)


async def found_of(scene, path, body):
    """What becomes of it in the real process."""
    raw = msgpack.packb(body)
    headers = {"Host": "a", "Content-Length": len(raw), "Connection": "close", **HEADERS}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def during(call):
        async with await call.connect(8126) as stream:
            await stream.send_all(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + raw)
            answer = b"".join([bytes(data) async for data in stream])
        assert answer.split()[1] in (b"200", b"202"), answer

    return await scene.play([Step(during=during)])


def ours_of(found):
    """Every span with what its chunk says, as the test agent shows spans."""
    documents = [each["document"] for each in found.intake.documents() if each["out"] == "traces"]
    for chunk in (chunk for document in documents for payload in document["tracer_payloads"] for chunk in payload["chunks"]):
        for each in chunk["spans"]:
            meta = {**each.get("meta", {}), **chunk.get("tags", {}), "_dd.origin": chunk["origin"]}
            yield each | {"meta": meta, "metrics": {**each.get("metrics", {}), "_sampling_priority_v1": chunk["priority"]}}


def by_id(spans):
    return sorted(spans, key=lambda each: each["span_id"])


@pytest.mark.parametrize(("version", "write"), [("v0.7", v07), ("v1.0", v10)])
async def test_both_agents_read_the_same_of_every_span(scene_of, test_agent, version, write):
    body = write(TRACES)
    chunks = await theirs_of(test_agent, f"/{version}/traces", body, "/test/traces")
    found = await found_of(scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}), f"/{version}/traces", body)
    theirs, ours = by_id(each for chunk in chunks for each in chunk), by_id(ours_of(found))
    assert len(theirs) == len(ours) == sum(map(len, TRACES))
    for one, other in zip(theirs, ours, strict=True):
        assert {name: other.get(name) or 0 for name in FIELDS} == {name: one.get(name) or 0 for name in FIELDS}
        for tags in ("meta", "metrics"):
            told = one.get(tags) or {}
            assert {name: other[tags].get(name) for name in told} == told
        assert [link_of(each) for each in other.get("span_links") or ()] == [link_of(each) for each in one.get("span_links") or ()]
        assert [event_of(each) for each in other.get("span_events") or ()] == [event_of(each) for each in one.get("span_events") or ()]
    assert theirs[0]["meta"]["umlaut"] == "ü中😀"
    assert sum(bool(each.get("span_links")) + bool(each.get("span_events")) for each in theirs) == 2, "nothing is left out"
    found.check_orderly()


def link_of(link):
    return {name: link.get(name) for name in ("trace_id", "trace_id_high", "span_id", "attributes", "tracestate")}


def event_of(event):
    return event["time_unix_nano"], event["name"]


async def test_both_agents_read_the_same_of_every_group_of_statistics(scene_of, test_agent):
    groups = [
        {
            "Service": "shop", "Name": "shop.order", "Resource": f"order {number}", "HTTPStatusCode": 200 + number, "Type": "web",
            "DBType": "", "Hits": 10 + number, "Errors": number, "Duration": 10**9 + number, "OkSummary": b"", "ErrorSummary": b"",
            "Synthetics": False, "TopLevelHits": number, "SpanKind": "server", "PeerTags": ["peer.service:stock"], "IsTraceRoot": 1,
        }
        for number in range(5)
    ]  # fmt: skip
    buckets = [{"Start": START_NS + at, "Duration": 10**10, "Stats": some} for at, some in ((0, groups[:3]), (10**10, groups[3:]))]
    about = {"Hostname": "h", "Env": "lab", "Version": "7", "Lang": "rust", "TracerVersion": "0.9.1", "RuntimeID": "r", "Sequence": 1}
    body = about | {"Service": "shop", "Stats": buckets}
    [payload] = await theirs_of(test_agent, "/v0.6/stats", body, "/test/session/stats")
    found = await found_of(scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}), "/v0.6/stats", body)
    [document] = [each["document"] for each in found.intake.documents() if each["out"] == "stats"]
    [ours] = document["Stats"]
    assert shapes_of(ours) == shapes_of(payload)
    assert [len(bucket["Stats"]) for bucket in ours["Stats"]] == [3, 2]
    assert (ours["Env"], ours["Version"]) == (payload["Env"], payload["Version"])
    found.check_orderly()


def shapes_of(payload):
    """Buckets by their length and by how far apart they begin: a clock that is wrong is put right."""
    first = payload["Stats"][0]["Start"]
    return [
        (bucket["Start"] - first, bucket["Duration"], [[group.get(name) or 0 for name in GROUP_FIELDS] for group in bucket["Stats"]])
        for bucket in payload["Stats"]
    ]
