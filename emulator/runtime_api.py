"""The Runtime API, with every error row (specification, lambda-platform 3), and the credentials of SnapStart."""

import json
from typing import Protocol

from emulator.answers import accepted, as_json, problem, text
from emulator.environment import CREDENTIALS_TOKEN, KEY_ID, SECRET_KEY, SESSION_TOKEN
from emulator.invocations import Running
from emulator.life import Life, Worker
from emulator.runtime_states import RuntimeState, RuntimeStep, after
from emulator.values import FunctionConfig
from emulator.wire import Arrival, Broken
from protocols.http_server import Headers, Request, Response

PREFIX = "/2018-06-01/runtime"
CREDENTIALS_PATH = "/2021-04-23/credentials"
RESPONSE_BYTES_MAX = 6_291_556
CAUSE_TYPE = "application/vnd.aws.lambda.error.cause+json"


class Platform(Protocol):
    """What this API needs of the sandbox."""

    config: FunctionConfig
    life: Life

    def running(self, request_id: str) -> Running | None: ...

    def expired(self, request_id: str) -> bool: ...

    def fail(self, error_type: str) -> None: ...

    def check(self) -> None: ...


class Refusal(Exception):
    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.response = problem(status, error_type, message)


def wrong_state(state: RuntimeState, step: RuntimeStep) -> Refusal:
    return Refusal(403, "InvalidStateTransition", f"Transition from {state.value} to {step.value} is not allowed.")


class RuntimeApi:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def answer(self, request: Request, arrival: Arrival) -> Response | Broken:
        path = request.path.removeprefix(PREFIX)
        try:
            if request.method == "GET" and path == "/invocation/next":
                return await self._next()
            if request.method == "GET" and path == "/restore/next":
                return await self._restore_next()
            if request.method == "POST" and path in ("/init/error", "/restore/error"):
                return self._init_error(request, restore=path == "/restore/error")
            if request.method == "POST" and path.startswith("/invocation/"):
                return self._finished(request, path, arrival)
        except Refusal as refusal:
            return refusal.response
        return problem(404, "NotFound", f"no such route: {request.method} {request.path}")

    def credentials(self, request: Request) -> Response:
        if not self._platform.config.snap_start or text(request.header(b"authorization")) != CREDENTIALS_TOKEN:
            return problem(404, "NotFound", "unknown token")
        document = {"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET_KEY, "Token": SESSION_TOKEN, "Expiration": "2099-01-01T00:00:00Z"}
        return as_json(200, document)

    def _step(self, step: RuntimeStep) -> None:
        life = self._platform.life
        target = after(life.runtime_state, step)
        if target is None:
            raise wrong_state(life.runtime_state, step)
        life.runtime_state = target

    # Next.

    async def _next(self) -> Response | Broken:
        life, config = self._platform.life, self._platform.config
        self._admit(life)
        worker = Worker()
        life.workers.append(worker)
        try:
            self._platform.check()
            await worker.released.wait()
        finally:
            if worker in life.workers:
                life.workers.remove(worker)
        running = worker.invocation
        if running is None:
            return Broken("close")
        return Response(200, invocation_headers(running, config), running.invocation.payload)

    def _admit(self, life: Life) -> None:
        if not self._platform.config.managed:
            # A runtime that left its call and comes again is let in.
            if life.runtime_state is not RuntimeState.READY or life.workers:
                self._step(RuntimeStep.NEXT)
        elif len(life.workers) >= self._platform.config.max_concurrency:
            raise Refusal(500, "InternalServerError", "Runtime.TooManyIdleRuntimes")
        else:
            life.runtime_state = RuntimeState.READY

    # Answers.

    def _finished(self, request: Request, path: str, arrival: Arrival) -> Response:
        _, _, request_id, what = path.split("/", 3) if path.count("/") == 3 else ("", "", "", "")
        if what not in ("response", "error"):
            return problem(404, "NotFound", f"no such route: {request.method} {request.path}")
        running = self._addressed(request_id)
        if what == "error":
            error_type = runtime_error_type(text(request.header(b"lambda-runtime-function-error-type")))
            running.answer("error", _error_body(request), arrival.began_ms, arrival.complete_ms, error_type)
        else:
            self._take_response(request, running, arrival)
        if not self._platform.config.managed:
            self._step(RuntimeStep.RESPONSE)
        self._platform.check()
        return self._verdict(running)

    def _addressed(self, request_id: str) -> Running:
        """The invocation that may be answered by this call."""
        life, managed = self._platform.life, self._platform.config.managed
        if not managed and life.runtime_state is RuntimeState.STARTED:
            raise wrong_state(life.runtime_state, RuntimeStep.RESPONSE)
        if managed and self._platform.expired(request_id):
            raise Refusal(410, "InvokeTimeout", "The invocation has timed out")
        running = self._platform.running(request_id)
        if running is None or running.answered.is_set():
            raise Refusal(400, "InvalidRequestID", "Invalid request ID")
        return running

    def _take_response(self, request: Request, running: Running, arrival: Arrival) -> None:
        mode = text(request.header(b"lambda-runtime-function-response-mode"))
        allowed = ("", "streaming", "buffered") if self._platform.config.managed else ("", "streaming")
        began, ended = arrival.began_ms, arrival.complete_ms
        if mode not in allowed:
            running.answer("error", b"", began, ended, "Runtime.InvalidResponseModeHeader")
        elif len(request.body) > RESPONSE_BYTES_MAX and mode != "streaming":
            running.answer("error", b"", began, ended, "Function.ResponseSizeTooLarge")
        else:
            running.answer("success", request.body, began, ended)

    def _verdict(self, running: Running) -> Response:
        if running.error_type == "Runtime.InvalidResponseModeHeader":
            return problem(400, "InvalidFunctionResponseMode", "Invalid function response mode")
        if running.error_type == "Function.ResponseSizeTooLarge" and running.response == b"":
            return problem(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).")
        return accepted()

    # Init and restore.

    async def _restore_next(self) -> Response | Broken:
        self._needs_snap_start()
        self._step(RuntimeStep.RESTORE_NEXT)
        life = self._platform.life
        self._platform.check()
        await life.restored.wait()
        return Broken("close") if life.over else Response(200, ((b"Content-Type", b"application/json"),))

    def _init_error(self, request: Request, *, restore: bool) -> Response:
        if restore:
            self._needs_snap_start()
        self._step(RuntimeStep.RESTORE_ERROR if restore else RuntimeStep.INIT_ERROR)
        error_type = runtime_error_type(text(request.header(b"lambda-runtime-function-error-type")))
        self._platform.life.runtime_error = error_type
        self._platform.fail("RestoreError" if restore else error_type)
        return accepted()

    def _needs_snap_start(self) -> None:
        if not self._platform.config.snap_start:
            raise Refusal(404, "NotFound", "only with SnapStart")


def runtime_error_type(given: str) -> str:
    """The word that AWS keeps: `Runtime.X` and `Function.X` as they are, anything else as one of the two unknowns."""
    kind, _, reason = given.partition(".")
    if kind in ("Runtime", "Function") and len(reason) > 1 and reason.isascii() and reason.isalpha() and reason[0].isupper():
        return given
    return "Function.Unknown" if given.startswith("Function.") else "Runtime.Unknown"


def _error_body(request: Request) -> bytes:
    """The error as the caller gets it; the combined content type carries it beside the X-Ray cause."""
    if text(request.header(b"content-type")) != CAUSE_TYPE:
        return request.body
    try:
        document = json.loads(request.body)
    except ValueError:
        return request.body
    return json.dumps(document.get("errorMessage", document)).encode() if isinstance(document, dict) else request.body


def invocation_headers(running: Running, config: FunctionConfig) -> Headers:
    """Empty ones are left out, except in managed instances."""
    invocation = running.invocation
    values = (
        (b"Lambda-Runtime-Aws-Request-Id", running.request_id),
        (b"Lambda-Runtime-Deadline-Ms", str(running.deadline_epoch_ms)),
        (b"Lambda-Runtime-Invoked-Function-Arn", running.arn),
        (b"Lambda-Runtime-Trace-Id", running.trace_id or ""),
        (b"Lambda-Runtime-Client-Context", invocation.client_context or ""),
        (b"Lambda-Runtime-Cognito-Identity", invocation.cognito_identity or ""),
        (b"Lambda-Runtime-Aws-Tenant-Id", invocation.tenant_id or ""),
        (b"Content-Type", "application/json"),
    )
    return tuple((name, value.encode()) for name, value in values if value or config.managed)
