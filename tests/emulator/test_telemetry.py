"""Delivery to subscribers, in virtual time over memory streams."""

import json

import pytest
import trio
import trio.testing

from emulator.faults import FaultBook, parse_fault
from emulator.subscription import Subscription
from emulator.telemetry import RetryPolicy, Subscriber, Telemetry
from emulator.wire import serve_stream
from protocols.http_server import Response


class Consumer:
    """The extension's telemetry port in memory: keeps batches with their times; answers by script."""

    def __init__(self, nursery):
        self.nursery, self.batches, self.connections = nursery, [], 0
        self.statuses, self.delay_s = [], 0.0

    async def connect(self, port):
        if port == 0:
            raise ConnectionRefusedError
        self.connections += 1
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(serve_stream, theirs, self.answer)
        return ours

    async def answer(self, request, arrival):
        self.batches.append((round(trio.current_time(), 3), request))
        await trio.sleep(self.delay_s)
        return Response(self.statuses.pop(0) if self.statuses else 200)

    def texts(self):
        return [[record["record"] for record in json.loads(request.body)] for _, request in self.batches]

    def times(self):
        return [at for at, _ in self.batches]


@pytest.fixture
def consumer(nursery):
    return Consumer(nursery)


def line(text):
    return {"time": "t", "type": "function", "record": text}


def start(nursery, consumer, *, faults=(), retry=None, **changes):
    telemetry = Telemetry(
        consumer.connect,
        lambda: 0.0,
        retry=retry if retry is not None else RetryPolicy(),
        faults=FaultBook(tuple(parse_fault(text) for text in faults)),
    )
    base = {"name": "a", "schema": "2022-12-13", "types": ("platform", "function"), "protocol": "HTTP", "port": 8999, "timeout_ms": 25}
    subscriber = Subscriber(Subscription(**{**base, **changes}), telemetry)
    telemetry.subscribe(subscriber)
    nursery.start_soon(subscriber.run)
    return telemetry, subscriber


async def test_a_batch_arrives_after_the_timeout_over_a_kept_connection(nursery, autojump_clock, consumer):
    telemetry, subscriber = start(nursery, consumer)
    for text in "ab":
        telemetry.emit(line(text))
    await trio.sleep(1)
    telemetry.emit(line("c"))
    await trio.sleep(1)
    assert (consumer.texts(), consumer.times(), consumer.connections) == ([["a", "b"], ["c"]], [0.025, 1.025], 1)
    assert (subscriber.delivered, subscriber.failed) == (2, 0)
    request = consumer.batches[0][1]
    assert (request.method, request.path, request.header(b"content-type")) == ("POST", "/", b"application/json")
    assert request.header(b"sequence-id")


async def test_early_records_are_replayed_in_order(nursery, autojump_clock, consumer):
    telemetry = Telemetry(consumer.connect, lambda: 0.0)
    telemetry.open_init()
    for text in "abc":
        telemetry.emit(line(text))
    subscriber = Subscriber(Subscription(name="a", schema="2022-12-13", types=("function",), protocol="HTTP", port=1), telemetry)
    telemetry.subscribe(subscriber)
    nursery.start_soon(subscriber.run)
    telemetry.emit(line("d"))
    await trio.sleep(2)
    assert consumer.texts() == [["a", "b", "c", "d"]]


async def test_a_refused_batch_is_tried_again_and_then_dropped_and_counted(nursery, autojump_clock, consumer):
    telemetry, subscriber = start(nursery, consumer)
    consumer.statuses = [500, 500, 500]
    telemetry.emit(line("a"))
    await trio.sleep(5)
    assert consumer.times()[:3] == [0.025, 0.225, 0.425]
    assert (subscriber.failed, consumer.batches[3][1].body.count(b"platform.logsDropped")) == (1, 1)
    dropped = list(telemetry.records)[-1]["record"]
    assert (dropped["droppedRecords"], dropped["reason"]) == (1, "could not send events: status 500")


async def test_the_public_emulators_policy_drops_at_once(nursery, autojump_clock, consumer):
    _, subscriber = start(nursery, consumer, retry=RetryPolicy(attempts=1))
    consumer.statuses = [500]
    subscriber.add(line("a"))
    await trio.sleep(5)
    assert (subscriber.failed, len(consumer.batches)) == (1, 2)


async def test_a_port_that_nobody_listens_on_costs_the_batch(nursery, autojump_clock, consumer):
    telemetry, subscriber = start(nursery, consumer, port=0)
    telemetry.emit(line("a"))
    await trio.sleep(0.6)
    assert subscriber.failed == 1
    assert "ConnectionRefusedError" in list(telemetry.records)[1]["record"]["reason"]


async def test_an_answer_that_does_not_come_costs_the_batch(nursery, autojump_clock, consumer):
    telemetry, subscriber = start(nursery, consumer, retry=RetryPolicy(attempts=1, answer_ms=1_000))
    consumer.delay_s = 3
    telemetry.emit(line("a"))
    await trio.sleep(1.1)
    assert subscriber.failed == 1
    assert "no answer within 1000 ms" in list(telemetry.records)[1]["record"]["reason"]


async def test_a_frozen_sandbox_gets_nothing_and_its_limits_stand_still(nursery, autojump_clock, consumer):
    telemetry, subscriber = start(nursery, consumer, retry=RetryPolicy(attempts=1, answer_ms=1_000))
    consumer.delay_s = 100.5
    telemetry.emit(line("under way"))
    await trio.sleep(0.5)
    telemetry.gate.shut()
    telemetry.emit(line("late"))
    await trio.sleep(100)
    assert len(consumer.batches) == 1
    telemetry.gate.open()
    await trio.sleep(0.4)
    assert (subscriber.delivered, subscriber.failed, len(consumer.batches)) == (1, 0, 2)


async def test_records_behind_a_slow_consumer_are_lost_with_a_record_that_says_so(nursery, autojump_clock, consumer):
    telemetry, _ = start(nursery, consumer, max_items=1_000)
    consumer.delay_s = 2
    telemetry.emit(line("first"))
    await trio.sleep(0.1)
    for number in range(1_000):
        telemetry.emit(line(str(number)))
    await trio.sleep(10)
    assert [len(batch) for batch in consumer.texts()] == [1, 1]
    assert consumer.texts()[1][0]["droppedRecords"] == 1_000


async def test_a_flush_hurries_what_waits_and_says_when_it_is_out(nursery, autojump_clock, consumer):
    telemetry, _ = start(nursery, consumer, timeout_ms=30_000)
    telemetry.emit(line("a"))
    assert await telemetry.flush(1.0)
    assert consumer.times() == [0.0]


async def test_a_flush_ends_at_its_bound(nursery, autojump_clock, consumer):
    telemetry, _ = start(nursery, consumer)
    consumer.delay_s = 3
    telemetry.emit(line("a"))
    assert not await telemetry.flush(1.0)
    assert trio.current_time() == pytest.approx(1.0)


async def test_a_new_subscription_of_the_same_name_takes_the_olds_place(nursery, autojump_clock, consumer):
    telemetry, _ = start(nursery, consumer)
    telemetry.subscribe(Subscriber(Subscription(name="a", schema="2022-12-13", types=("platform",), protocol="HTTP", port=1), telemetry))
    assert [subscriber.subscription.types for subscriber in telemetry.subscribers] == [("platform",)]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("drop:function@2", [["a", "c"]]),
        ("duplicate:function@1", [["a", "a", "b", "c"]]),
        ("reorder@1", [["c", "b", "a"]]),
        ("unknown@1", [["a", {"requestId": "unknown", "detail": [1, None]}, "b", "c"]]),
    ],
)
async def test_a_fault_spoils_the_stream_as_it_says(nursery, autojump_clock, consumer, fault, expected):
    telemetry, _ = start(nursery, consumer, faults=[fault])
    for text in "abc":
        telemetry.emit(line(text))
    await trio.sleep(1)
    assert consumer.texts() == expected


async def test_a_malformed_batch_is_not_json(nursery, autojump_clock, consumer):
    telemetry, _ = start(nursery, consumer, faults=["malformed@1"])
    telemetry.emit(line("a"))
    await trio.sleep(1)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(consumer.batches[0][1].body)


async def test_slow_telemetry_comes_late(nursery, autojump_clock, consumer):
    telemetry, _ = start(nursery, consumer, faults=["slow-telemetry:500"])
    telemetry.emit(line("a"))
    await trio.sleep(1)
    assert consumer.times() == [0.525]


async def test_a_tcp_subscriber_gets_one_json_line_per_record(nursery, autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()

    class Lines:
        async def connect(self, port):
            return ours

    telemetry, subscriber = start(nursery, Lines(), protocol="TCP")
    for text in "ab":
        telemetry.emit(line(text))
    await trio.sleep(1)
    received = bytes(await theirs.receive_some())
    assert [json.loads(row)["record"] for row in received.splitlines()] == ["a", "b"]
    assert subscriber.delivered == 1
