"""Stage 0 on loopback: its requests are those of the lifecycle's INIT rows, and no answer of any kind makes it raise or wait too long."""

import _socket

import pytest
import trio

from fsm import effects as do
from fsm import events as ev
from fsm import on_demand
from fsm.decision import Cadence, Strategy
from fsm.engine import Machine
from fsm.time import Now
from protocols import extensions_api as api
from protocols.extensions_api import NextInvoke, Refusal, Registration
from protocols.http_client import ClientConnection
from reactor import stage0
from reactor.net.memory import MemoryNetwork
from reactor.platform_api import PlatformApi

IDENTIFIER = "0f3c6c5e-9f1b-4d2f-8a55-0f6f0f3a7b11"
NOW = Now(1_700_000_000_000, 1_000)


def answer(status=200, body=b"{}", *headers):
    head = [b"HTTP/1.1 %d X" % status, *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


REGISTERED = answer(200, b'{"accountId":"123456789012"}', b"Lambda-Extension-Identifier: " + IDENTIFIER.encode())
SUBSCRIBED = answer(200, b"OK")
INVOKE = answer(200, b'{"eventType":"INVOKE","requestId":"a","deadlineMs":1,"invokedFunctionArn":"arn"}')


class Platform:
    """Answers each request with the next word of its script: bytes, a list of bytes with pauses between, `hang`, or `close`."""

    def __init__(self, *script):
        self.script, self.requests, self.connections = list(script), [], 0
        self.port = 0

    async def run(self, task_status=trio.TASK_STATUS_IGNORED):
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        await trio.serve_listeners(self._serve, [listener], task_status=task_status)

    async def _serve(self, stream):
        self.connections += 1
        data = b""
        try:
            while piece := await stream.receive_some():
                data += piece
                while (request := whole_request(data)) is not None:
                    data = data[len(request) :]
                    self.requests.append(request)
                    word = self.script.pop(0) if self.script else "hang"
                    if word == "close":
                        return
                    for part in [] if word == "hang" else [word] if isinstance(word, bytes) else word:
                        await stream.send_all(part)
                        await trio.sleep(0.03 if word is not part else 0)
        except trio.BrokenResourceError:
            pass


def whole_request(data):
    head, blank, _ = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    lengths = [int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    size = len(head) + 4 + (lengths[0] if lengths else 0)
    return data[:size] if len(data) >= size else None


@pytest.fixture(autouse=True)
def small_world(monkeypatch):
    """Any free ports in place of the well-known ones, and short waits."""
    monkeypatch.setattr(stage0, "LISTENERS", tuple((role, "127.0.0.1", 0) for role, _, _ in stage0.LISTENERS))
    monkeypatch.setattr(stage0, "DOGSTATSD_PORT", 0)
    monkeypatch.setattr(stage0, "REGISTER_S_MAX", 0.25)
    monkeypatch.setattr(stage0, "SUBSCRIBE_S_MAX", 0.15)


@pytest.fixture
def environment(tmp_path):
    return {b"LAMBDA_TASK_ROOT": str(tmp_path).encode(), b"DD_API_KEY": b"0" * 32}


@pytest.fixture
async def begin(nursery, environment):
    """Run stage 0 against a platform with this script; what it hands over, and the platform."""
    handed_over = []

    async def begin(*script, **more):
        platform = Platform(*script)
        await nursery.start(platform.run)
        given = environment | {name.encode(): value.encode() for name, value in more.items()}
        given[b"AWS_LAMBDA_RUNTIME_API"] = b"127.0.0.1:%d" % platform.port
        with trio.fail_after(5):
            done = await trio.to_thread.run_sync(stage0.run, given)
        handed_over.append(done)
        await trio.sleep(0.01)  # what it sent last is on its way
        return done, platform

    yield begin
    for done in handed_over:
        for sock in done.sockets.values():
            sock.close()


def requests_of_the_lifecycle(authority, managed):
    """What the INIT rows ask the platform for when all goes well, encoded by the codec that the reactor uses."""
    machine = Machine(on_demand.TABLE, on_demand.Data(Cadence(Strategy(), 30, 0)))
    calls = {
        do.Register: lambda: api.register_request(managed),
        do.Subscribe: lambda: api.subscribe_request(IDENTIFIER, managed, True, stage0.TELEMETRY_PORT),
        do.AskNext: lambda: api.next_request(IDENTIFIER),
    }
    for event in (ev.Started(NOW), ev.Registered(NOW), ev.Subscribed(NOW)):
        for effect in machine.feed(event):
            if type(effect) in calls:
                request = calls[type(effect)]()
                headers = ((b"Host", authority), *request.headers)
                yield ClientConnection().send(request.method, request.target, headers, request.body)


# --- all goes well


@pytest.mark.parametrize("init_type", ["on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"])
async def test_its_requests_are_those_of_the_init_rows_byte_for_byte(begin, init_type):
    done, platform = await begin(REGISTERED, SUBSCRIBED, AWS_LAMBDA_INITIALIZATION_TYPE=init_type)
    managed = init_type == "lambda-managed-instances"
    unhurried = init_type in ("provisioned-concurrency", "snap-start")  # the program is loaded before the request that may freeze it
    expected = list(requests_of_the_lifecycle(b"127.0.0.1:%d" % platform.port, managed))
    assert platform.requests == (expected[:2] if unhurried else expected)
    assert len(expected) == 3
    assert platform.connections == 1
    assert done.asked is not unhurried


async def test_it_hands_over_every_socket_the_raw_answers_and_the_time_of_each_step(begin):
    done, _ = await begin(REGISTERED, SUBSCRIBED)
    assert set(done.sockets) == {"telemetry", "lifecycle", "trace", "dogstatsd", "platform"}
    assert done.errors == {}
    assert done.answers == {"register": REGISTERED, "subscribe": SUBSCRIBED}
    assert done.identifier == IDENTIFIER
    assert list(done.times_ns) == ["bound", "registered", "subscribed", "asked"]
    assert list(done.times_ns.values()) == sorted(done.times_ns.values())
    assert done.version == stage0.VERSION


async def test_the_reactor_adopts_all_of_it_and_calls_nobody_again(begin):
    done, platform = await begin(REGISTERED, SUBSCRIBED, INVOKE)
    adopted = PlatformApi(f"127.0.0.1:{platform.port}", MemoryNetwork(), False, done)
    assert await adopted.register() == Registration(IDENTIFIER, "123456789012")
    assert await adopted.subscribe(8999, logs=True) is None
    with trio.fail_after(2):
        assert await adopted.next() == NextInvoke("a", 1, "arn")
    assert len(platform.requests) == 3
    assert "platform" not in done.sockets


@pytest.mark.parametrize("size", [1, 7, 50])
async def test_answers_in_pieces_are_read_whole(begin, size, monkeypatch):
    monkeypatch.setattr(stage0, "REGISTER_S_MAX", 20.0)
    pieces = [REGISTERED[at : at + size] for at in range(0, len(REGISTERED), size)]
    done, platform = await begin([b"".join(pieces[: len(pieces) // 2]), b"".join(pieces[len(pieces) // 2 :])], SUBSCRIBED)
    assert done.answers["register"] == REGISTERED
    assert len(platform.requests) == 3


async def test_a_chunked_answer_is_read_whole_and_can_be_adopted(begin):
    body = b'{"accountId":"123456789012"}'
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLambda-Extension-Identifier: " + IDENTIFIER.encode() + b"\r\n\r\n"
    done, platform = await begin([chunked + b"%x\r\n" % len(body), body + b"\r\n0\r\n\r\n"], SUBSCRIBED)
    assert done.identifier == IDENTIFIER
    adopted = PlatformApi(f"127.0.0.1:{platform.port}", MemoryNetwork(), False, done)
    assert await adopted.register() == Registration(IDENTIFIER, "123456789012")


# --- bad answers to the registration

BAD = {
    "refused": answer(403, b'{"errorType":"Extension.InvalidEventType"}'),
    "no identifier": answer(200, b"{}"),
    "half": REGISTERED[:-5],
    "no length": b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: x\r\n\r\n{}",
    "not http": b"SSH-2.0-OpenSSH\r\n\r\n",
    "huge": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    "hang": "hang",
    "close": "close",
    "dribble": [REGISTERED[at : at + 4] for at in range(0, len(REGISTERED), 4)],
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_answer_to_the_registration_leaves_the_rest_to_the_reactor(begin, kind):
    began = trio.current_time()
    done, platform = await begin(BAD[kind])
    assert trio.current_time() - began < 1.0
    assert len(platform.requests) == 1, "it neither subscribes nor asks"
    assert (done.identifier, done.asked) == ("", False)
    assert set(done.sockets) == {"telemetry", "lifecycle", "trace", "dogstatsd"}, "what was bound is handed over all the same"
    assert ("register" in done.errors) == (kind not in ("refused", "no identifier"))
    assert ("register" in done.answers) == (kind in ("refused", "no identifier"))


async def test_a_refusal_is_read_by_the_reactor_and_not_asked_for_again(begin):
    done, platform = await begin(BAD["refused"])
    adopted = PlatformApi(f"127.0.0.1:{platform.port}", MemoryNetwork(), False, done)
    assert await adopted.register() == Refusal("register answered 403: Extension.InvalidEventType")


async def test_nobody_at_the_address_is_an_error_and_no_exception(environment):
    listener = _socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    done = stage0.run(environment | {b"AWS_LAMBDA_RUNTIME_API": b"127.0.0.1:%d" % port})
    assert "ConnectionRefusedError" in done.errors["stage 0"]
    assert (done.sockets, done.asked, done.identifier) == ({}, False, "")


@pytest.mark.parametrize("address", [b"", b"nonsense", b"127.0.0.1:", b"127.0.0.1:port", b"127.0.0.1:99999999", b"\xff:1"])
def test_an_address_that_is_none_is_an_error_and_no_exception(environment, address):
    done = stage0.run(environment | {b"AWS_LAMBDA_RUNTIME_API": address})
    assert set(done.errors) == {"stage 0"}


def test_no_environment_at_all_is_no_exception():
    assert set(stage0.run({}).errors) == {"stage 0"}


# --- bad answers to the subscription


@pytest.mark.parametrize("kind", ["refused", "not supported", "half", "not http", "huge", "hang", "close", "dribble"])
async def test_a_bad_answer_to_the_subscription_is_left_to_the_reactor(begin, kind):
    bad = BAD | {"not supported": answer(202, b'{"errorType":"Telemetry.NotSupported"}')}
    began = trio.current_time()
    done, platform = await begin(REGISTERED, bad[kind])
    assert trio.current_time() - began < 1.0
    assert len(platform.requests) == 2, "it does not ask for an event"
    assert (done.identifier, done.asked, "platform" in done.sockets) == (IDENTIFIER, False, False)
    assert ("subscribe" in done.answers) == (kind in ("refused", "not supported"))


@pytest.mark.parametrize("step", ["register", "subscribe"])
async def test_a_connection_that_is_to_be_closed_is_not_used_again(begin, step):
    closing = {"register": REGISTERED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), "subscribe": SUBSCRIBED}
    if step == "subscribe":
        closing = {"register": REGISTERED, "subscribe": SUBSCRIBED.replace(b"\r\n\r\n", b"\r\nconnection: Close\r\n\r\n")}
    done, platform = await begin(closing["register"], closing["subscribe"])
    assert len(platform.requests) == {"register": 1, "subscribe": 2}[step]
    assert done.identifier == IDENTIFIER
    assert not done.asked


async def test_it_can_be_kept_from_asking_early(begin, monkeypatch):
    monkeypatch.setattr(stage0, "ASK_EARLY", False)
    done, platform = await begin(REGISTERED, SUBSCRIBED)
    assert len(platform.requests) == 2
    assert "platform" not in done.sockets


# --- settings that decide what to subscribe to


@pytest.mark.parametrize("name", ["DD_SERVERLESS_LOGS_ENABLED", "DD_LOGS_ENABLED", "DATADOG_LOGS_ENABLED", "dd_logs_enabled"])
async def test_a_setting_about_logs_leaves_the_subscription_to_the_reactor(begin, name):
    done, platform = await begin(REGISTERED, **{name: "true"})
    assert len(platform.requests) == 1
    assert done.identifier == IDENTIFIER


async def test_a_file_of_settings_leaves_the_subscription_to_the_reactor(begin, tmp_path):
    (tmp_path / "datadog.yaml").write_text("logs_enabled: false\n")
    _, platform = await begin(REGISTERED)
    assert len(platform.requests) == 1


async def test_other_settings_do_not(begin):
    _, platform = await begin(REGISTERED, SUBSCRIBED, DD_LOG_LEVEL="debug", OTHER_LOGS_ENABLED="true")
    assert len(platform.requests) == 3


# --- ports that are taken


def taken(kind=_socket.SOCK_STREAM):
    sock = _socket.socket(_socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    if kind == _socket.SOCK_STREAM:
        sock.listen(1)
    return sock


@pytest.mark.parametrize("role", ["lifecycle", "trace"])
async def test_a_port_that_is_taken_costs_its_own_listener_only(begin, monkeypatch, role):
    sock = taken()
    ports = {role: sock.getsockname()[1]}
    monkeypatch.setattr(stage0, "LISTENERS", tuple((name, "127.0.0.1", ports.get(name, 0)) for name, _, _ in stage0.LISTENERS))
    done, platform = await begin(REGISTERED, SUBSCRIBED)
    sock.close()
    assert set(done.errors) == {role}
    assert role not in done.sockets
    assert done.asked
    assert len(platform.requests) == 3


async def test_telemetry_goes_to_another_port_when_its_own_is_taken(begin, monkeypatch):
    sock = taken()
    monkeypatch.setattr(stage0, "LISTENERS", (("telemetry", "127.0.0.1", sock.getsockname()[1]),))
    done, platform = await begin(REGISTERED, SUBSCRIBED)
    sock.close()
    assert "telemetry" in done.errors
    port = done.sockets["telemetry"].getsockname()[1]
    assert done.telemetry_port == port
    assert b"http://sandbox:%d/" % port in platform.requests[1]


async def test_no_port_for_telemetry_at_all_leaves_the_subscription_to_the_reactor(begin, monkeypatch):
    def refuse(host, port):
        raise OSError("no descriptors left")

    monkeypatch.setattr(stage0, "_listen", refuse)
    done, platform = await begin(REGISTERED)
    assert len(platform.requests) == 1
    assert set(done.errors) == {"telemetry", "lifecycle", "trace"}
    assert set(done.sockets) == {"dogstatsd"}


async def test_a_taken_datagram_port_costs_custom_metrics_only(begin, monkeypatch):
    sock = taken(_socket.SOCK_DGRAM)
    monkeypatch.setattr(stage0, "DOGSTATSD_PORT", sock.getsockname()[1])
    done, _ = await begin(REGISTERED, SUBSCRIBED)
    sock.close()
    assert set(done.errors) == {"dogstatsd"}
    assert "dogstatsd" not in done.sockets
    assert done.asked


# --- what the reactor makes of a part of it


@pytest.mark.parametrize("raw", [REGISTERED[:-1], b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b""])
async def test_a_raw_answer_that_cannot_be_read_is_asked_for_again(begin, raw):
    platform = Platform(REGISTERED)
    async with trio.open_nursery() as nursery:
        await nursery.start(platform.run)
        done = stage0.HandOver()
        done.answers["register"] = raw
        from reactor.net.system import SystemNetwork

        adopted = PlatformApi(f"127.0.0.1:{platform.port}", SystemNetwork(), False, done)
        assert await adopted.register() == Registration(IDENTIFIER, "123456789012")
        await adopted.drop_idle()
        nursery.cancel_scope.cancel()
    assert len(platform.requests) == 1


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"garbage\r\n\r\n"], ids=["closed", "half", "no http"]
)
async def test_a_first_event_that_does_not_arrive_whole_is_asked_for_again(begin, first):
    done, platform = await begin(REGISTERED, SUBSCRIBED, "close" if not first else [first])
    adopted = PlatformApi(f"127.0.0.1:{platform.port}", MemoryNetwork(), False, done)
    await adopted.register()
    if first.startswith(b"HTTP"):
        done.sockets["platform"].shutdown(_socket.SHUT_RD)
    with trio.fail_after(2):
        answer = await adopted.next()
    assert isinstance(answer, Refusal)
    assert not answer.fatal
    assert "did not arrive whole" in answer.reason
