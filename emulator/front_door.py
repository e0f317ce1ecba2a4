"""The way in for callers: `POST /2015-03-31/functions/function/invocations` over HTTP (specification, lambda-platform 15.9)."""

import base64
import binascii
import signal
from collections.abc import Callable
from functools import partial

import trio

from emulator.answers import as_json, problem, text
from emulator.console import timeout_text
from emulator.invocations import Running
from emulator.sandbox import Sandbox
from emulator.values import Invocation, InvocationResult, SandboxError
from emulator.wire import Arrival, Broken, serve_stream
from protocols.http_server import Headers, Request, Response

PATH = "/2015-03-31/functions/function/invocations"
LAST_ANSWERS_S = 1.0  # for answers that are on their way when the door closes


async def serve_callers(sandbox: Sandbox, host: str, port: int, say: Callable[[str], None]) -> None:
    """Take calls until SIGINT or SIGTERM; those under way end well, as far as the function does.

    Port 0: any free one, which `say` is told. Raises SandboxError for a port that is taken.
    """
    try:
        listeners = await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        raise SandboxError(f"calls cannot be taken on {host}, port {port}: {error.strerror or error}") from error
    port = listeners[0].socket.getsockname()[1]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as callers:
            async with trio.open_nursery() as invocations:
                door = FrontDoor(sandbox, invocations)
                async with trio.open_nursery() as accepting:
                    accepting.start_soon(partial(trio.serve_listeners, door.serve, listeners, handler_nursery=callers))
                    say(f"taking calls until Ctrl-C: curl -d '{{}}' {url}")
                    await anext(signals)
                    accepting.cancel_scope.cancel()
                door.is_closed = True
                say("no more calls are taken")
            callers.cancel_scope.deadline = trio.current_time() + LAST_ANSWERS_S


class FrontDoor:
    """Answers callers of one sandbox, each connection by `serve`."""

    def __init__(self, sandbox: Sandbox, nursery: trio.Nursery) -> None:
        self.is_closed = False
        self._sandbox, self._nursery = sandbox, nursery

    async def serve(self, stream: trio.abc.Stream) -> None:
        await serve_stream(stream, self._answer)

    async def _answer(self, request: Request, arrival: Arrival) -> Response | Broken:
        if request.method != "POST" or request.path != PATH:
            return problem(404, "NotFound", f"only POST {PATH}")
        if self.is_closed:
            return problem(503, "Sandbox.Ending", "no more calls are taken")
        try:
            invocation = invocation_of(request)
        except ValueError as error:
            return problem(400, "InvalidRequestContentException", str(error))
        return await self._invoke(invocation)

    async def _invoke(self, invocation: Invocation) -> Response:
        """The caller has its answer when the runtime posts it; what the extensions still do is not its business.

        The invocation runs in the door's nursery, so it also ends well when the caller leaves.
        """
        answers: list[Response] = []
        ready = trio.Event()

        async def answered(running: Running) -> None:
            if running.status is not None:
                answers.append(response_of(running.response or b"", running.error_type, running.status))
                ready.set()

        async def run() -> None:
            try:
                result = await self._sandbox.invoke(invocation, answered)
                answers.append(response_of_result(result, self._sandbox.config.timeout_ms))
            except SandboxError as error:
                answers.append(problem(500, "Sandbox.Failure", str(error)))
            ready.set()

        self._nursery.start_soon(run)
        await ready.wait()
        return answers[0]


def invocation_of(request: Request) -> Invocation:
    """Raises ValueError for a client context that is not base64 of text."""
    given = text(request.header(b"x-amz-client-context"))
    try:
        context = base64.b64decode(given, validate=True).decode() if given else None
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("X-Amz-Client-Context is not base64 of text") from error
    return Invocation(
        payload=request.body or b"{}",
        client_context=context,
        trace_id=text(request.header(b"x-amzn-trace-id")) or None,
        tenant_id=text(request.header(b"x-amz-tenant-id")) or None,
    )


def response_of(body: bytes, error_type: str | None, status: str) -> Response:
    headers: Headers = ((b"Content-Type", b"application/json"),)
    if status != "success":
        headers = (*headers, (b"X-Amz-Function-Error", b"Unhandled"))
    if error_type == "Function.ResponseSizeTooLarge":
        return as_json(413, {"errorMessage": "Response payload size exceeded", "errorType": error_type}, headers[1:])
    return Response(200, headers, body)


def response_of_result(result: InvocationResult, timeout_ms: int) -> Response:
    """For an invocation that ended without the runtime's answer: 504, as the sandbox was reset."""
    if result.status in ("success", "error"):
        return response_of(result.response or b"", result.error_type, result.status)
    if result.status == "timeout":
        return as_json(504, {"errorMessage": f"{result.request_id} {timeout_text(timeout_ms)}", "errorType": "Sandbox.Timedout"})
    if result.status == "refused":
        return problem(400, result.error_type or "Runtime.Unavailable", "no idle worker")
    return problem(504, result.error_type or "Sandbox.Failure", f"RequestId: {result.request_id} Error: {result.error_type}")
