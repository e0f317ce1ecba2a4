"""When the reactor has failed: the next event is asked for all the same, over a real socket."""

import ast
import socket
from pathlib import Path

import pytest
import trio

from reactor import last_resort
from reactor.stage0 import HandOver

INVOKE = (200, b'{"eventType":"INVOKE","requestId":"a","deadlineMs":1}')
SHUTDOWN = (200, b'{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1}')
PENDING = (403, b'{"errorType":"Extension.InvalidExtensionState","errorMessage":"State transition from Ready to Ready failed"}')


class Platform:
    def __init__(self, script):
        self.script, self.requests, self.port = list(script), [], 0

    async def run(self, task_status=trio.TASK_STATUS_IGNORED):
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        await trio.serve_listeners(self._serve, [listener], task_status=task_status)

    async def _serve(self, stream):
        try:
            while data := await stream.receive_some():
                self.requests.append(data)
                word = self.script.pop(0) if self.script else "close"
                if word == "close":
                    return
                status, body = word
                await stream.send_all(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        except trio.BrokenResourceError:  # an answer that was not read to its end
            pass


@pytest.fixture
async def platform_of(nursery):
    async def platform_of(*script):
        platform = Platform(script)
        await nursery.start(platform.run)
        return platform

    return platform_of


async def ask(platform):
    with trio.fail_after(5):
        return await trio.to_thread.run_sync(last_resort.keep_asking, f"127.0.0.1:{platform.port}", "id-1")


@pytest.mark.parametrize(
    ("script", "code", "asked"),
    [
        ([SHUTDOWN], 0, 1),
        ([INVOKE, INVOKE, INVOKE, SHUTDOWN], 0, 4),
        ([INVOKE, "close", SHUTDOWN], 0, 3),
        ([(500, b"{}"), INVOKE, SHUTDOWN], 0, 3),
        ([(200, b"x" * 100_000), SHUTDOWN], 0, 2),
        ([(500, b"")] * 9, 1, 5),
        ([(403, b"Extension.UnknownExtensionIdentifier")] * 9, 1, 5),
        # The failed reactor's own call is pending still; however long that lasts, giving up would cost the invocation.
        ([PENDING] * 7 + [INVOKE, SHUTDOWN], 0, 9),
        ([(500, b""), (500, b""), (500, b""), (500, b""), INVOKE, (500, b""), SHUTDOWN], 0, 7),
    ],
)
async def test_it_asks_until_the_end(platform_of, script, code, asked):
    platform = await platform_of(*script)
    assert await ask(platform) == code
    assert len(platform.requests) == asked
    assert platform.requests[0].startswith(b"GET /2020-01-01/extension/event/next HTTP/1.1\r\n")
    assert all(b"\r\nLambda-Extension-Identifier: id-1\r\n" in request for request in platform.requests)


async def test_a_platform_that_is_gone_is_given_up(platform_of):
    platform = await platform_of()
    assert await ask(platform) == 1
    assert len(platform.requests) == 5


def handed_over(identifier="", asked=None):
    done = HandOver()
    done.identifier = identifier
    if asked is not None:
        done.asked, done.sockets["platform"] = True, asked
    return done


@pytest.mark.parametrize("done", [None, handed_over()])
def test_without_a_registration_there_is_nothing_to_go_on_with(done):
    assert last_resort.take_over(done) == 1


@pytest.fixture
def as_stage0_left_it():
    """A socket as stage 0 hands it over, and the platform's end of it."""
    ours, theirs = socket.socketpair()
    low = socket._socket.socket(fileno=ours.detach())
    low.settimeout(0.1)
    yield low, theirs
    theirs.close()


async def test_the_event_that_stage_0_asked_for_is_taken_first(platform_of, monkeypatch, as_stage0_left_it):
    platform = await platform_of(SHUTDOWN)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", f"127.0.0.1:{platform.port}")
    ours, theirs = as_stage0_left_it
    theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(INVOKE[1]), INVOKE[1]))
    assert await trio.to_thread.run_sync(last_resort.take_over, handed_over("id-1", ours)) == 0
    assert len(platform.requests) == 1


async def test_a_shutdown_that_stage_0_asked_for_is_the_end(as_stage0_left_it):
    ours, theirs = as_stage0_left_it
    theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(SHUTDOWN[1]))
    theirs.sendall(SHUTDOWN[1])
    assert last_resort.take_over(handed_over("id-1", ours)) == 0


async def test_an_event_of_stage_0_that_is_cut_off_is_asked_for_again(platform_of, monkeypatch, as_stage0_left_it):
    platform = await platform_of(SHUTDOWN)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", f"127.0.0.1:{platform.port}")
    ours, theirs = as_stage0_left_it
    theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    theirs.shutdown(socket.SHUT_WR)
    assert await trio.to_thread.run_sync(last_resort.take_over, handed_over("id-1", ours)) == 0
    assert len(platform.requests) == 1


async def test_listeners_that_nobody_serves_any_more_are_closed(platform_of, monkeypatch):
    platform = await platform_of(SHUTDOWN)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", f"127.0.0.1:{platform.port}")
    done = handed_over("id-1")
    done.sockets["trace"] = socket._socket.socket()
    assert await trio.to_thread.run_sync(last_resort.take_over, done) == 0
    assert done.sockets["trace"].fileno() == -1


@pytest.mark.parametrize("address", ["", "127.0.0.1:nowhere", ":"])
def test_an_address_that_is_none_is_an_exit_and_no_exception(monkeypatch, address):
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", address)
    assert last_resort.take_over(handed_over("id-1")) == 1


def test_what_could_not_be_loaded_is_said_in_our_format(capfd):
    import json

    assert last_resort.say_and_take_over(None, ImportError('no "trio" \\ here')) == 1
    said = json.loads(capfd.readouterr().out)
    assert said["status"] == "ERROR"
    assert "no 'trio'" in said["message"]


def test_it_loads_nothing_when_it_is_needed():
    """The files of the layer may be what is missing."""
    tree = ast.parse(Path(last_resort.__file__).read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [node.lineno for function in functions for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)] == []
