"""Requests to port 8126 as they are dealt with: in one step if small, a few spans at a time if large; written down before the answer."""

import gzip

import pytest
import trio
from msgpack import packb

from protocols.http_server import Request
from protocols.msgpack_pieces import PIECE_SPANS_MAX, WHOLE_BYTES_MAX
from reactor.agent.inputs import NotServed, Traces
from reactor.listeners import Listeners
from reactor.net.clock import SimulatedClock
from reactor.net.memory import MemoryNetwork
from reactor.net.origin import Origin
from reactor.net.pool import Pool
from reactor.trace_requests import TraceRequests

PIECES = 8
SPANS = PIECES * PIECE_SPANS_MAX


def span(number, size=1_000):
    return {
        "service": "s", "name": "n", "resource": "r" * size, "trace_id": 1, "span_id": number,
        "start": 1_700_000_000 * 10**9, "duration": 5,
    }  # fmt: skip


LARGE = Request("PUT", "/v0.4/traces", (), packb([[span(number)] for number in range(1, SPANS + 1)]))
SMALL = Request("PUT", "/v0.4/traces", (), packb([[span(1)]]))
PROFILE = Request("POST", "/profiling/v1/input", (), b"profile")
BROKEN = Request("PUT", "/v0.4/traces", (), packb([[{"trace_id": "x" * 1_000}]] * SPANS))


class Bench:
    """What is told, written down and answered, in order."""

    def __init__(self, seal_after=()):
        self.seals = 0
        self.story = []
        self.seal_after = seal_after
        self.told = []
        self.requests = TraceRequests(self.receive, self)

    def receive(self, item):
        self.told.append(item)
        self.story.append(f"piece {item.piece}" if isinstance(item, Traces) else type(item).__name__)
        self.seals += len(self.told) in self.seal_after

    def take_request(self, request, sealed=0):
        self.story.append(f"written, {sealed} sealed")

    async def take(self, request):
        answer = await self.requests.take(request)
        self.story.append(f"answered {answer.status}")

    @property
    def span_ids(self):
        return [span["span_id"] for item in self.told for chunk in item.decoded.chunks for span in chunk.spans]


@pytest.mark.parametrize(("request_", "kind"), [(SMALL, "piece 0"), (PROFILE, "PassedOn")])
async def test_what_is_small_is_one_step(request_, kind):
    bench = Bench()
    with trio.CancelScope() as scope:
        scope.cancel()  # the first pause would be the end
        await bench.take(request_)
    assert bench.story == ["written, 0 sealed", kind, "answered 200"]


async def test_a_large_body_is_told_in_pieces_and_written_down_once(autojump_clock):
    bench = Bench()
    assert len(LARGE.body) > WHOLE_BYTES_MAX
    await bench.take(LARGE)
    assert bench.story == [*(f"piece {number}" for number in range(PIECES)), "written, 0 sealed", "answered 200"]
    assert bench.span_ids == list(range(1, SPANS + 1))


async def test_others_have_their_turn_between_pieces(autojump_clock):
    """Who comes first in a turn of the loop is chance: so at least one in two of them."""
    bench = Bench()

    async def other():
        while "answered 200" not in bench.story:
            bench.story.append("other")
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.take, LARGE)
        nursery.start_soon(other)
    places = [bench.story.index(f"piece {number}") for number in range(PIECES)]
    assert all("other" in bench.story[one:next_] for one, next_ in zip(places, places[2:], strict=False))


async def test_small_requests_are_answered_beside_a_large_one(autojump_clock):
    bench = Bench()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.take, LARGE)
        await trio.lowlevel.checkpoint()
        nursery.start_soon(bench.take, PROFILE)
    assert bench.story.index("PassedOn") < bench.story.index(f"piece {PIECES - 1}")


async def test_large_requests_take_turns(autojump_clock):
    bench = Bench()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.take, LARGE)
        nursery.start_soon(bench.take, LARGE)
    whole = [*(f"piece {number}" for number in range(PIECES)), "written, 0 sealed", "answered 200"]
    assert bench.story == whole * 2


@pytest.mark.parametrize(("seal_after", "sealed"), [((1,), 1), ((2, 5), 5), ((PIECES - 1,), PIECES - 1)])
async def test_what_a_flush_has_sealed_meanwhile_is_not_written_down_again(autojump_clock, seal_after, sealed):
    bench = Bench(seal_after)
    await bench.take(LARGE)
    assert bench.story[-2:] == [f"written, {sealed} sealed", "answered 200"]


async def test_nothing_is_written_down_when_all_of_it_is_sealed(autojump_clock):
    bench = Bench(seal_after=(PIECES,))
    await bench.take(LARGE)
    assert bench.story[-2:] == [f"piece {PIECES - 1}", "answered 200"]


async def test_what_could_be_read_counts(autojump_clock):
    bench = Bench()
    await bench.take(Request("PUT", "/v0.4/traces", (), LARGE.body[:-1_000]))
    assert bench.story[-2:] == ["written, 0 sealed", "answered 200"]
    assert bench.span_ids == list(range(1, SPANS))
    assert [reason for item in bench.told for reason in item.decoded.refused] == ["the body breaks off"]


async def test_where_nothing_could_be_read_the_answer_says_so(autojump_clock):
    bench = Bench()
    await bench.take(BROKEN)
    assert bench.story[-1] == "answered 400"
    assert not any(line.startswith("written") for line in bench.story)
    assert sum(len(item.decoded.refused) for item in bench.told) == SPANS
    bench = Bench()
    await bench.take(Request("PUT", "/v0.4/traces", (), b"\xc1" * (WHOLE_BYTES_MAX + 1)))
    assert (bench.story, bench.told) == (["NotServed", "answered 400"], [NotServed("traces", "not readable")])


async def test_the_end_in_between_is_counted_and_not_answered(autojump_clock):
    bench = Bench()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.take, LARGE)
            nursery.start_soon(bench.take, LARGE)
            await trio.lowlevel.checkpoint()
            scope.cancel()
    assert [item for item in bench.told if isinstance(item, NotServed)] == [NotServed("traces", "not read before the end")] * 2
    assert not any(line.startswith(("answered", "written")) for line in bench.story)


async def test_a_compressed_body_is_told_in_pieces_too(autojump_clock):
    bench = Bench()
    await bench.take(Request("PUT", "/v0.4/traces", ((b"content-encoding", b"gzip"),), gzip.compress(LARGE.body)))
    assert bench.story[-2:] == ["written, 0 sealed", "answered 200"]
    assert bench.span_ids == list(range(1, SPANS + 1))


async def test_without_a_spool_everything_is_taken(autojump_clock):
    told = []
    assert (await TraceRequests(told.append, None).take(LARGE)).status == 200
    assert (await TraceRequests(told.append, None).take(PROFILE)).status == 200
    assert len(told) == PIECES + 1


# --- at the port


@pytest.fixture
async def port(nursery):
    """Listeners on a network in memory, what they tell, and how to send to them."""

    async def port():
        network, told = MemoryNetwork(), []
        listeners = Listeners(network, SimulatedClock(), told.append, lambda *line: None, None, None)
        await listeners.bind()
        for run in listeners.regions().values():
            nursery.start_soon(run)

        async def send(request):
            pool = Pool(network)
            answer = await pool.request(Origin("http", "sandbox", 8126), request.method, request.target, request.headers, request.body)
            told.append(f"answered {answer.status}")
            await pool.drop_idle()

        return listeners, told, send

    return port


async def test_settling_waits_for_what_is_not_decoded_yet(autojump_clock, port, nursery):
    listeners, told, send = await port()
    nursery.start_soon(send, LARGE)
    while not told:
        await trio.lowlevel.checkpoint()
    assert len(told) < PIECES
    assert await listeners.settle(1_000, 0)
    assert len([item for item in told if isinstance(item, Traces)]) == PIECES


async def test_settling_ends_at_its_bound_and_the_rest_is_told_later(autojump_clock, port, nursery):
    listeners, told, send = await port()
    nursery.start_soon(send, LARGE)
    while not told:
        await trio.lowlevel.checkpoint()
    assert not await listeners.settle(0, 0)
    assert len(told) < PIECES
    while told[-1] != "answered 200":
        await trio.lowlevel.checkpoint()
    assert len(told) == PIECES + 1
