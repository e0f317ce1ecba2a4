"""Which API a request to `AWS_LAMBDA_RUNTIME_API` is for; every exchange is shown to the observer."""

from collections.abc import Callable

from emulator.answers import as_json, problem
from emulator.extensions_api import PREFIX as EXTENSIONS_PREFIX
from emulator.extensions_api import TELEMETRY_PATH, ExtensionsApi
from emulator.runtime_api import CREDENTIALS_PATH, RuntimeApi
from emulator.runtime_api import PREFIX as RUNTIME_PREFIX
from emulator.values import ApiCall
from emulator.wire import Arrival, Broken, now_ms
from protocols.http_server import Request, Response


class Routes:
    def __init__(self, extensions: ExtensionsApi, runtime: RuntimeApi, watch: Callable[[ApiCall], None]) -> None:
        self._extensions, self._runtime, self._watch = extensions, runtime, watch

    async def answer(self, request: Request, arrival: Arrival) -> Response | Broken:
        answer: Response | Broken | None = None
        kind = "other"
        try:
            if request.path.startswith(RUNTIME_PREFIX):
                kind = "runtime"
                answer = await self._runtime.answer(request, arrival)
            elif request.path.startswith(EXTENSIONS_PREFIX) or request.path == TELEMETRY_PATH:
                kind = "telemetry_api" if request.path == TELEMETRY_PATH else "extensions"
                answer = await self._extensions.answer(request, arrival)
            elif request.path == CREDENTIALS_PATH:
                answer = self._runtime.credentials(request)
            elif request.path == "/2018-06-01/ping":
                answer = Response(200, ((b"Content-Type", b"text/plain"),), b"pong")
            elif request.path == "/2020-08-15/logs":
                answer = as_json(202, {"errorMessage": "Logs API is not supported", "errorType": "Logs.NotSupported"})
            else:
                answer = problem(404, "NotFound", f"no such route: {request.method} {request.path}")
            return answer
        finally:
            self._watch(_exchange(kind, request, arrival, answer))


def _exchange(kind: str, request: Request, arrival: Arrival, answer: Response | Broken | None) -> ApiCall:
    given = answer if isinstance(answer, Response) else None
    return ApiCall(
        at_ms=arrival.began_ms,
        kind=kind,
        method=request.method,
        path=request.target,
        headers=request.headers,
        body=request.body,
        status=None if given is None else given.status,
        answer=b"" if given is None else given.body,
        answered_ms=now_ms(),
    )
