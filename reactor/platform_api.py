"""The calls to the Lambda platform, over its loopback address. It takes over what stage 0 began; it decides nothing.

Never through a proxy. `/event/next` has no time limit: the sandbox may be frozen for hours while it waits.
"""

import socket

import trio

from protocols import extensions_api as api
from protocols.errors import RemoteProtocolError
from protocols.http_client import ClientConnection
from protocols.http_server import Response
from reactor.net.errors import PeerUnavailable
from reactor.net.network import Network
from reactor.net.origin import parse_origin
from reactor.net.pool import Pool
from reactor.net.system import SystemStream
from reactor.stage0 import TIMED_OUT, HandOver

REPORT_ERROR_S_MAX = 0.3
READ_BYTES = 65_536


class PlatformApi:
    """One extension's conversation with the platform."""

    def __init__(self, runtime_api: str, network: Network, managed: bool, done: HandOver | None = None) -> None:
        try:
            self._origin, _ = parse_origin(f"http://{runtime_api}")
        except ValueError as error:
            raise ValueError(
                f"AWS_LAMBDA_RUNTIME_API is no host:port ({error}); an extension is started by AWS Lambda, or by `lambda-reactor emulate`"
            ) from None
        self._pool = Pool(network)
        self._managed, self._done = managed, done
        self.identifier = ""

    async def register(self) -> api.Registration | api.Refusal:
        request = api.register_request(self._managed)
        answer = self._answered("register", request) or await self._call(request)
        if isinstance(answer, api.Refusal):
            return answer
        registration = api.read_registration(answer.status, answer.headers, answer.body)
        if isinstance(registration, api.Registration):
            self.identifier = registration.identifier
        return registration

    async def subscribe(self, port: int, logs: bool, memory: bool = False) -> api.Refusal | None:
        if self._done is not None and self._done.errors.get("subscribe") == TIMED_OUT:
            return api.Refusal("not answered in time")  # asked once and waited for; to wait again would only hold up the start
        request = api.subscribe_request(self.identifier, self._managed, logs, port, memory)
        answer = self._answered("subscribe", request) or await self._call(request)
        return answer if isinstance(answer, api.Refusal) else api.read_subscription(answer.status, answer.body)

    async def next(self) -> api.NextInvoke | api.NextShutdown | api.Refusal:
        answer = await self._asked_already() or await self._call(api.next_request(self.identifier))
        return answer if isinstance(answer, api.Refusal) else api.read_next(answer.status, answer.body)

    async def report_error(self, path: str, error_type: str, message: str) -> None:
        """Tell the platform why we end; it may be gone itself."""
        if self.identifier:
            with trio.move_on_after(REPORT_ERROR_S_MAX):
                await self._call(api.error_request(path, self.identifier, error_type, message))

    async def drop_idle(self) -> None:
        await self._pool.drop_idle()

    async def _call(self, request: api.ApiRequest) -> Response | api.Refusal:
        try:
            return await self._pool.request(self._origin, request.method, request.target, request.headers, request.body)
        except PeerUnavailable as error:
            return api.Refusal(str(error), fatal=False)

    def _answered(self, step: str, request: api.ApiRequest) -> Response | None:
        """The answer that stage 0 got to this very call."""
        raw = self._done.answers.pop(step, b"") if self._done else b""
        if not raw:
            return None
        connection = self._connection_that_sent(request)
        try:
            return connection.receive(raw)
        except RemoteProtocolError:
            return None

    async def _asked_already(self) -> Response | api.Refusal | None:
        """The answer to the first `/event/next`, if stage 0 asked for it."""
        if self._done is None or not self._done.asked:
            return None
        self._done.asked = False
        waiting = self._done.sockets.pop("platform")
        sock = socket.socket(fileno=waiting.detach())
        sock.setblocking(False)
        stream = SystemStream(trio.socket.from_stdlib_socket(sock))
        connection = self._connection_that_sent(api.next_request(self.identifier))
        async with stream:
            try:
                while (answer := connection.receive(bytes(await stream.receive_some(READ_BYTES)))) is None:
                    pass
            except (RemoteProtocolError, trio.BrokenResourceError) as error:
                return api.Refusal(f"the first event did not arrive whole: {error}", fatal=False)
            return answer

    def _connection_that_sent(self, request: api.ApiRequest) -> ClientConnection:
        connection = ClientConnection()
        connection.send(request.method, request.target, ((b"Host", self._origin.authority.encode()), *request.headers), request.body)
        return connection
