"""The native launcher does what stage 0 does, case by case, and hands it over; whatever it is answered, within its bounds."""

import re
import socket
from pathlib import Path

import pytest
import trio

from reactor import stage0

SOURCE = Path(__file__).parent.parent.parent / "launcher" / "launcher.c"
IDENTIFIER = "0f3c6c5e-9f1b-4d2f-8a55-0f6f0f3a7b11"


def answer(status=200, body=b"{}", *headers):
    head = [b"HTTP/1.1 %d X" % status, *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


REGISTERED = answer(200, b'{"accountId":"123456789012"}', b"Lambda-Extension-Identifier: " + IDENTIFIER.encode())
SUBSCRIBED = answer(200, b"OK")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLambda-Extension-Identifier: x\r\n\r\n"
SHUTDOWN = answer(200, b'{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":0}')
INVOKE = answer(200, b'{"eventType":"INVOKE","requestId":"a","deadlineMs":1,"invokedFunctionArn":"arn"}')

# Each a script of the platform, and variables beside the usual ones.
CASES = {
    "all goes well": ((REGISTERED, SUBSCRIBED), {}),
    "on demand": ((REGISTERED, SUBSCRIBED), {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}),
    "managed": ((REGISTERED, SUBSCRIBED), {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"}),
    "provisioned": ((REGISTERED, SUBSCRIBED), {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}),
    "snapshot": ((REGISTERED, SUBSCRIBED), {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}),
    "other case and blanks in headers": (
        (REGISTERED.replace(b"Lambda-Extension-Identifier: ", b"lambda-extension-IDENTIFIER:\t "), SUBSCRIBED),
        {},
    ),
    "in pieces": (([REGISTERED[:30], REGISTERED[30:]], [SUBSCRIBED[:-1], SUBSCRIBED[-1:]]), {}),
    "chunked": (([CHUNKED + b"2\r\n{}\r\n", b"0\r\n\r\n"], SUBSCRIBED), {}),
    "registration refused": ((answer(403, b'{"errorType":"Extension.InvalidEventType"}'),), {}),
    "no identifier": ((answer(),), {}),
    "empty identifier": ((answer(200, b"{}", b"Lambda-Extension-Identifier: "),), {}),
    "half an answer": ((REGISTERED[:-5],), {}),
    "no length": ((b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: x\r\n\r\n{}",), {}),
    "a length that is none": ((b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: x\r\nContent-Length: 2x\r\n\r\n{}",), {}),
    "not http": ((b"SSH-2.0-OpenSSH\r\n\r\n",), {}),
    "huge": ((b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,), {}),
    "hangs": (("hang",), {}),
    "closes": (("close",), {}),
    "dribbles": (([REGISTERED[at : at + 4] for at in range(0, len(REGISTERED), 4)],), {}),
    "subscription refused": ((REGISTERED, answer(400)), {}),
    "not supported": ((REGISTERED, answer(202, b'{"errorType":"Telemetry.NotSupported"}')), {}),
    "subscription hangs": ((REGISTERED, "hang"), {}),
    "subscription closes": ((REGISTERED, "close"), {}),
    "half a subscription": ((REGISTERED, SUBSCRIBED[:-1]), {}),
    "to be closed after registering": ((REGISTERED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), SUBSCRIBED), {}),
    "to be closed after subscribing": ((REGISTERED, SUBSCRIBED.replace(b"\r\n\r\n", b"\r\nconnection: Close\r\n\r\n")), {}),
    "a setting about logs": ((REGISTERED,), {"DD_LOGS_ENABLED": "true"}),
    "the other setting about logs": ((REGISTERED,), {"DD_SERVERLESS_LOGS_ENABLED": "false"}),
    "a setting about logs in lower case": ((REGISTERED,), {"dd_logs_enabled": "true"}),
    "of the longer prefix": ((REGISTERED,), {"DATADOG_LOGS_ENABLED": "1"}),
    "other settings": (
        (REGISTERED, SUBSCRIBED),
        {"DD_LOG_LEVEL": "debug", "OTHER_LOGS_ENABLED": "true", "LOGS_ENABLED": "1", "DD_LOGS_ENABLED_NOT": "1"},
    ),
    "no port": ((), {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:"}),
    "no address": ((), {"AWS_LAMBDA_RUNTIME_API": ""}),
    "nonsense for an address": ((), {"AWS_LAMBDA_RUNTIME_API": "nonsense"}),
    "a port that is none": ((), {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:99999999"}),
    "a port in words": ((), {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:port"}),
    "an address beyond all measure": ((), {"AWS_LAMBDA_RUNTIME_API": "1" * 3000 + ":1"}),
}


@pytest.mark.parametrize("case", CASES)
async def test_it_asks_and_hands_over_what_stage_0_does(launch, begin, case):
    script, variables = CASES[case]
    done, platform = await begin(*script, **variables)
    told = await launch(*script, **variables)
    assert told.code == 0, told.output
    record = told.record
    assert [first_line(request) for request in told.requests] == [first_line(request) for request in platform.requests]
    assert [header_names(request) for request in told.requests] == [header_names(request) for request in platform.requests]
    assert (set(record["sockets"]), set(record["errors"])) == (set(done.sockets), set(done.errors))
    assert {step: raw.encode("latin-1") for step, raw in record["answers"].items()} == done.answers
    assert (record["identifier"], record["asked"], record["version"]) == (done.identifier, done.asked, done.version)
    assert list(record["times_ns"]) == list(done.times_ns)
    assert told.connections == platform.connections
    if stage0.TIMED_OUT in done.errors.values():
        assert record["errors"] == done.errors, "the reactor does not ask again what was not answered in time"


def first_line(request):
    return request.partition(b"\r\n")[0]


def header_names(request):
    return [line.partition(b":")[0] for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]]


@pytest.mark.parametrize("init_type", ["on-demand", "lambda-managed-instances"])
async def test_its_requests_are_stage_0s_byte_for_byte(launch, init_type):
    told = await launch(REGISTERED, SUBSCRIBED, AWS_LAMBDA_INITIALIZATION_TYPE=init_type)
    managed = init_type != "on-demand"
    authority = re.search(rb"Host: (\S+)", told.requests[0])[1].decode()
    assert told.requests == [
        stage0.register_bytes(authority, managed),
        stage0.subscribe_bytes(authority, IDENTIFIER, managed, told.record["telemetry_port"]),
        stage0.next_bytes(authority, IDENTIFIER),
    ]


async def test_the_sockets_are_open_of_the_right_kind_and_not_inherited_further(launch):
    record = (await launch(REGISTERED, SUBSCRIBED)).record
    sockets = record["sockets"]
    stream, datagram = int(socket.SOCK_STREAM), int(socket.SOCK_DGRAM)
    assert {role: what[:2] for role, what in sockets.items() if role != "platform"} == {
        "telemetry": [stream, "0.0.0.0"],
        "lifecycle": [stream, "127.0.0.1"],
        "trace": [stream, "127.0.0.1"],
        "dogstatsd": [datagram, "0.0.0.0"],
    }
    assert sockets["telemetry"][2] == record["telemetry_port"]
    assert record["inheritable"] == []
    assert record["descriptors"] == ["socket"] * 5, "the record itself is closed"
    assert record["began_ms"][0] > 1_700_000_000_000


async def test_ports_that_are_taken_cost_their_own_listeners_only(launch, layer, tmp_path, compile_with):
    with socket.socket() as one, socket.socket() as two, socket.socket(type=socket.SOCK_DGRAM) as three:
        for sock in (one, two, three):
            sock.bind(("127.0.0.1", 0))
        one.listen(), two.listen()
        ports = {"TELEMETRY": one, "LIFECYCLE": two, "DOGSTATSD": three}
        folder = compile_with(*(f"-D{name}_PORT={sock.getsockname()[1]}" for name, sock in ports.items()), "-DTRACE_PORT=0")
        told = await launch(REGISTERED, SUBSCRIBED, folder=folder)
    assert set(told.record["errors"]) == {"telemetry", "lifecycle", "dogstatsd"}
    assert set(told.record["sockets"]) == {"telemetry", "trace", "platform"}, "telemetry goes to any other port"
    assert b"http://sandbox:%d/" % told.record["sockets"]["telemetry"][2] in told.requests[1]


# --- the environment


async def test_what_would_change_the_interpreter_is_not_in_force_but_can_be_read(launch):
    theirs = {
        "LD_LIBRARY_PATH": "/nowhere",
        "LD_AUDIT": "",
        "PYTHONHOME": "/nowhere",
        "PYTHONPATH": "/nowhere\nelse",
        "PYTHONSTARTUP": "x=y",
        "MALLOC_ARENA_MAX": "1",
        "GLIBC_TUNABLES": "glibc.malloc.check=3",
    }
    record = (await launch(REGISTERED, SUBSCRIBED, DD_TAGS="a:b c:d", **theirs)).record
    assert theirs.items() <= record["environment"].items()
    assert record["environment"]["DD_TAGS"] == "a:b c:d"
    in_force = {entry.partition("=")[0] for entry in record["in_force"]}
    assert "DD_TAGS" in in_force
    assert not in_force & set(theirs)
    assert record["arguments"][:4] == ["-I", "-S", "-X", "utf8"]


@pytest.mark.parametrize("word", ["1", "true", " TRUE ", "yes", "On", "t"])
async def test_a_plain_start_leaves_everything_to_the_reactor(launch, word):
    told = await launch(DD_PLAIN_START=word, LD_LIBRARY_PATH="/x")
    assert (told.connections, told.record["sockets"], told.record["began_ms"]) == (0, {}, None)
    assert told.record["environment"]["LD_LIBRARY_PATH"] == "/x"


@pytest.mark.parametrize("word", ["0", "false", "", "tr", "truest", "no"])
async def test_other_words_are_no_plain_start(launch, word):
    assert (await launch(REGISTERED, SUBSCRIBED, DD_PLAIN_START=word)).record["asked"]


# --- bounds


async def test_an_identifier_without_measure_is_left_to_the_reactor(launch):
    long = answer(200, b"{}", b"Lambda-Extension-Identifier: " + b"x" * 60_000)
    told = await launch(long)
    assert (told.record["identifier"], len(told.requests)) == ("", 1)
    assert told.record["answers"]["register"].encode() == long


async def test_a_zero_byte_in_an_answer_is_refused(launch):
    told = await launch(REGISTERED.replace(b"X", b"\0"))
    assert told.record["errors"] == {"register": "a zero byte in the answer"}


@pytest.mark.parametrize("size", [1, 3, 17, 64, 100, 150])
async def test_an_answer_cut_anywhere_is_never_read_beyond_its_end(launch, size):
    told = await launch(REGISTERED[:size] if size < len(REGISTERED) else REGISTERED[:-1])
    assert told.code == 0, told.output
    assert told.record["errors"] == {"register": "timed out"}


# --- no interpreter


@pytest.fixture
def broken(compile_with):
    """A layer without its interpreter."""
    folder = compile_with("-DTELEMETRY_PORT=0", "-DLIFECYCLE_PORT=0", "-DTRACE_PORT=0", "-DDOGSTATSD_PORT=0", whole=False)
    return folder


async def test_without_an_interpreter_it_says_so_in_one_line_and_no_invocation_hangs(launch, broken):
    told = await launch(REGISTERED, SUBSCRIBED, INVOKE, INVOKE, SHUTDOWN, folder=broken)
    assert told.code == 0
    assert told.output.count("\n") == 1
    assert "the extension cannot be started" in told.output
    assert "No such file" in told.output
    assert [request.split(b" ")[0] for request in told.requests] == [b"POST", b"PUT", b"GET", b"GET", b"GET"]


@pytest.mark.parametrize("script", [(answer(403),), (REGISTERED, SUBSCRIBED, *[answer(500)] * 9), (REGISTERED, SUBSCRIBED, *["close"] * 9)])
async def test_without_an_interpreter_and_a_platform_that_fails_it_ends(launch, broken, script):
    told = await launch(*script, folder=broken)
    assert told.code == 1
    assert len(told.requests) <= 2 + 5
    assert told.output.count("\n") == 1


def test_its_constants_are_those_of_stage_0():
    text = SOURCE.read_text()
    for name, value in {
        "TELEMETRY_PORT": stage0.TELEMETRY_PORT,
        "LIFECYCLE_PORT": stage0.LIFECYCLE_PORT,
        "TRACE_PORT": stage0.TRACE_PORT,
        "DOGSTATSD_PORT": stage0.DOGSTATSD_PORT,
        "REGISTER_MS_MAX": int(stage0.REGISTER_S_MAX * 1000),
        "SUBSCRIBE_MS_MAX": int(stage0.SUBSCRIBE_S_MAX * 1000),
        "ANSWER_BYTES_MAX": stage0.ANSWER_BYTES_MAX,
        "BACKLOG": stage0.BACKLOG,
        "RECORD_VERSION": stage0.VERSION,
        "ASK_EARLY": int(stage0.ASK_EARLY),
    }.items():
        assert re.search(rf"\b{name} = {value}\b", text), name
    assert stage0.RECEIVE_BUFFER_BYTES == 8 << 20
    assert "RECEIVE_BUFFER_BYTES = 8 << 20" in text


def test_it_stays_small():
    assert len(SOURCE.read_text().splitlines()) < 300


async def test_it_can_be_compiled_without_its_tests_constants(compile_with):
    assert (compile_with(whole=False) / "datadog-agent").exists()
    await trio.lowlevel.checkpoint()
