"""The sockets that others send to, on a network in memory: bound or adopted, what they answer, and what they hand on."""

import json
import sys

import pytest
import trio

from protocols import lifecycle_api, trace_api
from reactor import listeners as module
from reactor.agent.inputs import Datagrams, NotServed, PassedOn, Telemetry
from reactor.listeners import Listeners
from reactor.net.clock import SimulatedClock
from reactor.net.memory import MemoryNetwork
from reactor.net.origin import Origin
from reactor.net.pool import Pool
from reactor.stage0 import HandOver


@pytest.fixture
def network():
    return MemoryNetwork()


@pytest.fixture
def received():
    return []


@pytest.fixture
def said():
    return []


@pytest.fixture
async def listeners_of(network, received, said, nursery):
    """Bound listeners, all running."""

    async def listeners_of(done=None, **more):
        listeners = Listeners(network, SimulatedClock(), received.append, lambda *line: said.append(line), None, done, **more)
        await listeners.bind()
        for run in listeners.regions().values():
            nursery.start_soon(run)
        return listeners

    return listeners_of


@pytest.fixture
def call(network):
    async def call(port, method, target, body=b""):
        pool = Pool(network)
        answer = await pool.request(Origin("http", "sandbox", port), method, target, (), body)
        await pool.drop_idle()
        return answer

    return call


class Protecting:
    """Writes requests down by telling somebody."""

    seals = 0

    def __init__(self, tell):
        self.tell = tell

    def take_request(self, request, sealed=0):
        self.tell(request)


# --- telemetry


async def test_a_batch_is_handed_on_whole_and_answered_200(autojump_clock, listeners_of, call, received, records):
    await listeners_of()
    batch = [records.start("a"), records.line("hello")]
    answer = await call(8999, "POST", "/", json.dumps(batch).encode())
    assert (answer.status, answer.body) == (200, b"OK")
    assert received == [Telemetry(batch, [])]


@pytest.mark.parametrize("body", [b"", b"not json", b"{}", b"null", b"\xff\xfe", b"[" * 5_000, b'[{"type":7}]', b'[1,"x",null]'])
async def test_a_batch_that_is_none_is_answered_200_and_told_as_refused(autojump_clock, listeners_of, call, received, body):
    await listeners_of()
    answer = await call(8999, "POST", "/", body)
    assert (answer.status, answer.body) == (200, b"Failed to parse telemetry events")
    [batch] = received
    assert batch.records == []
    assert batch.refused


async def test_one_bad_element_costs_only_itself(autojump_clock, listeners_of, call, received, records):
    await listeners_of()
    await call(8999, "POST", "/", json.dumps([records.start("a"), 7, records.done("a")]).encode())
    assert received == [Telemetry([records.start("a"), records.done("a")], ["not a record"])]


async def test_a_batch_over_the_limit_is_answered_200_and_told_as_refused(autojump_clock, listeners_of, network, received, monkeypatch):
    monkeypatch.setattr(module, "TELEMETRY_BODY_BYTES_MAX", 1_000)
    await listeners_of()
    stream = await network.connect("sandbox", 8999)
    await stream.send_all(b"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2_000)
    answer = bytes(await stream.receive_some())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert [batch.records for batch in received] == [[]]
    assert len(received[0].refused) == 1
    await stream.aclose()


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("POST", "/", 200), ("PUT", "/", 200), ("GET", "/", 405), ("DELETE", "/", 405), ("POST", "/other", 404), ("GET", "/other", 404)],
)
async def test_methods_and_paths(autojump_clock, listeners_of, call, received, method, target, status):
    await listeners_of()
    assert (await call(8999, method, target, b"[]" if status == 200 else b"")).status == status
    assert len(received) == (status == 200)


async def test_bytes_that_are_no_http_cost_their_connection_only(autojump_clock, listeners_of, network, call, received, records):
    await listeners_of()
    stream = await network.connect("sandbox", 8999)
    await stream.send_all(b"\x16\x03\x01 not http at all\r\n\r\n")
    assert b" 400 " in bytes(await stream.receive_some()) or received
    await stream.aclose()
    assert (await call(8999, "POST", "/", json.dumps([records.start("a")]).encode())).status == 200
    assert received[-1] == Telemetry([records.start("a")], [])


# --- the others


async def test_libraries_find_the_extension(autojump_clock, listeners_of, call):
    await listeners_of()
    answer = await call(8124, "GET", "/lambda/hello")
    assert (answer.status, answer.body) == (200, b"{}")
    assert (await call(8124, "POST", "/lambda/hello")).status == 405
    assert (await call(8124, "POST", "/lambda/nothing")).status == 404


async def test_tracers_find_what_is_served_and_nothing_else(autojump_clock, listeners_of, call):
    await listeners_of()
    answer = await call(8126, "GET", "/info")
    document = json.loads(answer.body)
    assert answer.status == 200
    assert document["endpoints"] == list(trace_api.ENDPOINTS)
    for endpoint in document["endpoints"]:
        served = endpoint + "x" if endpoint.endswith("/") else endpoint
        assert (await call(8126, "GET", served)).status != 404
    assert (await call(8126, "GET", "/v0.4/traces")).status == 405
    assert (await call(8126, "GET", "/")).status == 404


@pytest.mark.parametrize(("port", "limit"), [(8124, lifecycle_api.RECEIVED_BYTES_MAX), (8126, trace_api.BODY_BYTES_MAX)])
async def test_a_body_over_the_limit_is_refused(autojump_clock, listeners_of, network, port, limit):
    await listeners_of()
    stream = await network.connect("sandbox", port)
    await stream.send_all(b"POST /profiling/v1/input HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (limit + 1))
    assert bytes(await stream.receive_some()).startswith(b"HTTP/1.1 413 ")
    await stream.aclose()


async def test_what_is_passed_on_is_written_down_then_told_then_answered(autojump_clock, listeners_of, call, received):
    order = []
    await listeners_of(protection=Protecting(lambda request: order.append((request.path, len(received)))))
    answer = await call(8126, "POST", "/profiling/v1/input?a=1", b"profile")
    assert (answer.status, answer.body) == (200, b"Acknowledged request for profiling")
    [told] = received
    assert isinstance(told, PassedOn)
    assert (told.proxied.product, told.proxied.path, told.proxied.body) == ("profiling", "/api/v2/profile?a=1", b"profile")
    assert order == [("/profiling/v1/input", 0)]


@pytest.mark.parametrize(
    ("target", "body", "status", "told"),
    [
        ("/nothing", b"", 404, []),
        ("/evp_proxy/v2/api/v2/x", b"", 400, [NotServed("evp", "status 400")]),
        ("/v0.7/config", b"{}", 200, []),
    ],
)
async def test_what_is_not_taken_is_told_where_something_is_lost_by_it(
    autojump_clock, listeners_of, call, received, target, body, status, told
):
    protected = []
    await listeners_of(protection=Protecting(protected.append))
    assert (await call(8126, "POST", target, body)).status == status
    assert (received, protected) == (told, [])


async def test_a_request_that_cannot_be_read_is_told_with_its_status(autojump_clock, listeners_of, network, received):
    await listeners_of()
    stream = await network.connect("sandbox", 8126)
    await stream.send_all(b"POST /info HTTP/1.1\r\nHost: h\r\nContent-Length: 2097153\r\n\r\n")
    assert bytes(await stream.receive_some()).startswith(b"HTTP/1.1 413 ")
    assert received == [NotServed("request", "status 413")]
    await stream.aclose()


async def test_where_nothing_can_be_loaded_to_serve_requests_each_is_refused_and_the_port_lives_on(
    autojump_clock, listeners_of, call, received, said, monkeypatch
):
    await listeners_of()
    with monkeypatch.context() as gone:
        gone.setitem(sys.modules, "protocols.trace_api", None)
        gone.delattr("protocols.trace_api")
        assert [(await call(8126, "PUT", "/v0.4/traces", b"\x90")).status for _ in range(2)] == [503, 503]
    assert received == [NotServed("request", "cannot be loaded")] * 2
    [(level, text)] = said
    assert (level, "requests to port 8126 are refused" in text) == ("ERROR", True)
    assert (await call(8126, "PUT", "/v0.4/traces", b"\x90")).status == 200


async def test_datagrams_are_handed_on_in_order(autojump_clock, listeners_of, network, received):
    await listeners_of()
    for number in range(5):
        network.send_datagram(8125, b"m%d:1|c" % number)
    await trio.testing.wait_all_tasks_blocked()
    assert [datagram for batch in received for datagram in batch.datagrams] == [b"m%d:1|c" % number for number in range(5)]
    assert all(type(batch) is Datagrams for batch in received)


async def test_datagrams_that_the_kernel_dropped_are_known(autojump_clock, network, received, said):
    listeners = Listeners(network, SimulatedClock(), received.append, print, 2_000, None)
    await listeners.bind()
    for _ in range(10):
        network.send_datagram(8125, b"x" * 200)
    assert listeners.kernel_drops() > 0


# --- binding


async def test_every_region_is_bound_before_it_runs(autojump_clock, network, received):
    listeners = Listeners(network, SimulatedClock(), received.append, print, None, None)
    await listeners.bind()
    assert set(listeners.regions()) == {"telemetry", "lifecycle", "trace", "dogstatsd"}
    assert listeners.telemetry_port == 8999
    for port in (8999, 8124, 8126):
        await (await network.connect("sandbox", port)).aclose()


@pytest.mark.parametrize(("port", "role"), [(8124, "lifecycle"), (8126, "trace")])
async def test_a_taken_port_costs_its_own_listener_only(autojump_clock, network, listeners_of, said, port, role):
    await network.listen("0.0.0.0", port)
    listeners = await listeners_of()
    assert set(listeners.regions()) == {"telemetry", "lifecycle", "trace", "dogstatsd"} - {role}
    [(level, text)] = said
    assert level == "ERROR"
    assert str(port) in text
    assert role in text


async def test_a_taken_telemetry_port_is_replaced_by_another(autojump_clock, network, listeners_of, call, received):
    await network.listen("0.0.0.0", 8999)
    listeners = await listeners_of()
    assert listeners.telemetry_port not in (None, 8999)
    assert (await call(listeners.telemetry_port, "POST", "/", b"[]")).status == 200


async def test_a_taken_datagram_port_is_said_and_survived(autojump_clock, network, listeners_of, said):
    await network.datagram("0.0.0.0", 8125, 1_000)
    listeners = await listeners_of()
    assert "dogstatsd" not in listeners.regions()
    assert [level for level, _ in said] == ["ERROR"]


class Left:
    """A socket as stage 0 left it; on a network in memory a number stands for it."""

    def __init__(self, fd):
        self.fd = fd

    def detach(self):
        return self.fd


async def test_what_stage_0_bound_is_adopted(autojump_clock, network, listeners_of, call, received):
    done = HandOver()
    for role, port in (("telemetry", 40_000), ("lifecycle", 8124)):
        done.sockets[role] = Left(network.hand_over(await network.listen("0.0.0.0", port)))
    done.sockets["dogstatsd"] = Left(network.hand_over(await network.datagram("0.0.0.0", 8125, 10_000)))
    listeners = await listeners_of(done)
    assert listeners.telemetry_port == 40_000
    assert done.sockets == {}
    assert (await call(40_000, "POST", "/", b"[]")).status == 200
    assert (await call(8124, "GET", "/lambda/hello")).status == 200
    assert (await call(8126, "GET", "/info")).status == 200, "what stage 0 did not bind is bound now"
    network.send_datagram(8125, b"m:1|c")
    await trio.testing.wait_all_tasks_blocked()
    assert received[-1] == Datagrams([b"m:1|c"])


@pytest.mark.parametrize("region", ["telemetry", "lifecycle", "trace", "dogstatsd"])
async def test_a_region_that_ended_can_be_bound_and_run_again(autojump_clock, network, received, nursery, region):
    listeners = Listeners(network, SimulatedClock(), received.append, print, None, None)
    await listeners.bind()
    with trio.move_on_after(1):
        await listeners.regions()[region]()
    await listeners.rebind(region)
    nursery.start_soon(listeners.regions()[region])
    if region == "dogstatsd":
        network.send_datagram(8125, b"m:1|c")
        await trio.testing.wait_all_tasks_blocked()
        assert received == [Datagrams([b"m:1|c"])]
    else:
        await (await network.connect("sandbox", {"telemetry": 8999, "lifecycle": 8124, "trace": 8126}[region])).aclose()


async def test_telemetry_is_bound_again_on_the_port_that_the_platform_was_told(autojump_clock, network, received, said):
    taken = await network.listen("0.0.0.0", 8999)
    listeners = Listeners(network, SimulatedClock(), received.append, lambda *line: said.append(line), None, None)
    await listeners.bind()
    port = listeners.telemetry_port
    with trio.move_on_after(1):
        await listeners.regions()["telemetry"]()
    await taken.aclose()
    await listeners.rebind("telemetry")
    assert listeners.telemetry_port == port


async def test_settling_reads_what_has_arrived_before_it_ends(autojump_clock, network, listeners_of, received, records):
    listeners = await listeners_of()
    await trio.testing.wait_all_tasks_blocked()
    stream = await network.connect("sandbox", 8999)
    body = json.dumps([records.done("a")]).encode()
    await stream.send_all(b"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    network.send_datagram(8125, b"m:1|c")
    assert await listeners.settle(5, 0)
    assert Telemetry([records.done("a")], []) in received
    assert Datagrams([b"m:1|c"]) in received
    await stream.aclose()


async def test_settling_ends_at_its_bound_while_a_body_does_not_come(autojump_clock, network, listeners_of):
    listeners = await listeners_of()
    stream = await network.connect("sandbox", 8999)
    await stream.send_all(b"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 9\r\n\r\n[")
    began = trio.current_time()
    assert not await listeners.settle(300, 20)
    assert trio.current_time() - began == pytest.approx(0.3, abs=0.01)
    await stream.aclose()


# --- a Unix socket for datagrams


@pytest.fixture
async def path_of(network, received, said, nursery):
    """Listeners with a path for datagrams, running."""

    async def path_of(path):
        listeners = Listeners(network, SimulatedClock(), received.append, lambda *line: said.append(line), None, None, dogstatsd_path=path)
        await listeners.bind()
        for run in listeners.regions().values():
            nursery.start_soon(run)
        return listeners

    return path_of


@pytest.mark.parametrize("setting", ["/tmp/dsd.socket", "unix:///tmp/dsd.socket"])
async def test_datagrams_come_by_path_beside_udp(network, received, path_of, setting, autojump_clock):
    await path_of(setting)
    network.send_datagram("/tmp/dsd.socket", b"a:1|c")
    network.send_datagram(8125, b"b:1|c")
    await trio.testing.wait_all_tasks_blocked()
    assert sorted(datagram for item in received for datagram in item.datagrams) == [b"a:1|c", b"b:1|c"]


async def test_settling_reads_the_path_too(network, received, path_of, said):
    listeners = Listeners(network, SimulatedClock(), received.append, lambda *line: said.append(line), None, None, dogstatsd_path="/d")
    await listeners.bind()  # and no pump runs
    network.send_datagram("/d", b"a:1|c")
    assert await listeners.settle(50, 0)
    assert [item.datagrams for item in received] == [[b"a:1|c"]]


async def test_a_path_that_is_taken_costs_one_line_and_nothing_else(network, received, said, path_of):
    await network.unix_datagram("/taken", 1_000)
    listeners = await path_of("/taken")
    assert [level for level, _ in said] == ["ERROR"]
    assert "/taken" in said[0][1]
    assert "dogstatsd" in listeners.regions()
    assert "dogstatsd socket" not in listeners.regions()


@pytest.mark.parametrize(("region", "place"), [("dogstatsd", 8125), ("dogstatsd socket", "/d")])
async def test_drops_of_a_socket_that_failed_stay_counted(network, received, said, region, place):
    listeners = Listeners(network, SimulatedClock(), received.append, lambda *line: said.append(line), 600, None, dogstatsd_path="/d")
    await listeners.bind()
    for _ in range(3):
        network.send_datagram(place, b"a:1|c")  # there is room for one
    assert listeners.kernel_drops() == 2
    with trio.CancelScope() as scope:
        scope.cancel()
        await listeners.regions()[region]()  # it ends, and closes its socket
    await listeners.rebind(region)
    network.send_datagram(place, b"a:1|c")
    network.send_datagram(place, b"a:1|c")
    assert listeners.kernel_drops() == 3
    assert said == []
