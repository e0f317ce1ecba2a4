"""Chunks until they are sealed: order, bound, who shares a body with whom (specification, traces 10.2 and 10.3)."""

import pytest

from emulator.protobuf_schemas import decode_message
from pipelines.traces.queue import TRACERS_MAX, ChunkQueue
from protocols.intake_span import encode_spans
from protocols.intake_traces import EncodedChunk, PayloadFields, chunk_frame
from protocols.trace_headers import TracerHeaders

GO, JAVA = TracerHeaders(lang="go"), TracerHeaders(lang="java")


def chunk(*span_ids, size=0):
    spans = [
        {
            "service": "s", "name": "n", "resource": "x" * size, "type": "", "trace_id": 1, "span_id": span_id, "parent_id": 0, "start": 1,
            "duration": 0, "error": 0, "meta": {}, "metrics": {},
        }
        for span_id in span_ids
    ]  # fmt: skip
    return EncodedChunk(chunk_frame(1, ""), encode_spans(spans), b"")


def sealed(queue, **arguments):
    """Of each body: its language, and of each payload its env and its span ids."""
    found = []
    for body in queue.bodies(**arguments):
        document, _ = decode_message("AgentPayload", body.raw)
        payloads = [
            (payload.get("env", ""), [span["span_id"] for each in payload["chunks"] for span in each["spans"]])
            for payload in document["tracer_payloads"]
        ]
        found.append((dict(body.headers).get(b"datadog-meta-lang", b"").decode(), payloads))
    return found


def test_payloads_that_say_the_same_are_joined_and_come_out_sorted():
    queue = ChunkQueue()
    for env, span_id in (("b", 1), ("a", 2), ("b", 3)):
        queue.append(GO, PayloadFields(env=env), chunk(span_id))
    assert sealed(queue) == [("go", [("a", [2]), ("b", [1, 3])])]


def test_payloads_are_sorted_by_the_tracers_version_first():
    queue = ChunkQueue()
    rows = [PayloadFields(tracer_version="2", env="x"), PayloadFields(language_version="9", env="y"), PayloadFields(env="z")]
    for number, fields in enumerate(rows, 1):
        queue.append(GO, fields, chunk(number))
    assert sealed(queue) == [("go", [("z", [3]), ("y", [2]), ("x", [1])])]


def test_only_tracers_with_equal_headers_share_a_body():
    queue = ChunkQueue()
    for headers, span_id in ((GO, 1), (JAVA, 2), (GO, 3), (TracerHeaders(lang="go", computed_stats=True), 4)):
        queue.append(headers, PayloadFields(), chunk(span_id))
    assert sealed(queue) == [("go", [("", [1, 3])]), ("java", [("", [2])]), ("go", [("", [4])])]


def test_the_first_body_tells_what_the_tracer_dropped_itself():
    queue = ChunkQueue()
    queue.count_dropped_p0(GO, 1, 10)
    queue.count_dropped_p0(GO, 2, 20)
    queue.count_dropped_p0(JAVA, 9, 0)
    queue.append(GO, PayloadFields(), chunk(1, size=300))
    queue.append(GO, PayloadFields(), chunk(2, size=300))
    first, second = (dict(body.headers) for body in queue.bodies(bytes_max=500))
    assert (first[b"datadog-client-dropped-p0-traces"], first[b"datadog-client-dropped-p0-spans"]) == (b"3", b"30")
    assert second.keys() == {b"datadog-meta-lang", b"datadog-send-real-http-status"}
    queue.append(JAVA, PayloadFields(), chunk(3))
    queue.append(GO, PayloadFields(), chunk(4))
    java, go = (dict(body.headers) for body in queue.bodies())
    assert java[b"datadog-client-dropped-p0-traces"] == b"9"
    assert b"datadog-client-dropped-p0-traces" not in go


def test_only_so_many_tracers_drops_are_remembered():
    queue = ChunkQueue()
    for number in range(TRACERS_MAX + 1):
        headers = TracerHeaders(container_id=str(number))
        queue.count_dropped_p0(headers, 1, 1)
        queue.append(headers, PayloadFields(), chunk(number + 1))
    told = [b"datadog-client-dropped-p0-traces" in dict(body.headers) for body in queue.bodies()]
    assert told == [True] * TRACERS_MAX + [False]


@pytest.mark.parametrize(("cap", "batches"), [(2, [2, 1]), (1, [1, 1, 1]), (3, [3])])
def test_a_body_takes_payloads_while_they_fit(cap, batches):
    queue = ChunkQueue()
    for number in (1, 2, 3):
        queue.append(GO, PayloadFields(env=str(number)), chunk(number, size=5000))
    assert [body.items for body in queue.bodies(bytes_max=cap * 5100)] == batches


def test_beyond_the_bound_the_oldest_go_and_are_counted():
    queue = ChunkQueue(bytes_max=5000)
    queue.append(GO, PayloadFields(), chunk(1, 2, size=1000))
    queue.append(GO, PayloadFields(), chunk(3, size=1000))
    assert (queue.dropped, queue.spans, queue.is_nearly_full) == (0, 3, False)
    queue.append(GO, PayloadFields(), chunk(4, size=1000))
    assert (queue.dropped, queue.spans, len(queue)) == (2, 2, 2)
    assert sealed(queue) == [("go", [("", [3, 4])])]
    assert (queue.bytes, queue.spans, len(queue)) == (0, 0, 0)


def test_a_chunk_above_the_bound_is_dropped_itself():
    queue = ChunkQueue(bytes_max=2000)
    queue.append(GO, PayloadFields(), chunk(1, size=5000))
    assert (queue.dropped, queue.spans, queue.bytes, sealed(queue)) == (1, 0, 0, [])


def test_a_flush_is_wanted_before_the_bound_is_reached():
    queue = ChunkQueue()
    while not queue.is_nearly_full:
        queue.append(GO, PayloadFields(), chunk(1, size=1_000_000))
    assert queue.spans == 5
    assert queue.dropped == 0
