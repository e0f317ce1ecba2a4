"""Requests to port 8126 while they are dealt with: told to the agent, written down, answered.

What is small is one step without a pause. A large body of traces is told a few spans at a time, and between two pieces everybody else has
a turn: invocations, telemetry, other tracers. It knows no route and decodes nothing.
"""

from collections.abc import Callable
from typing import Protocol

import trio

from protocols.http_server import Request, Response
from reactor.agent.inputs import Input, NotServed


class Protects(Protocol):
    """Writes down what outlives the process."""

    @property
    def seals(self) -> int:
        """How often everything that had been taken went into payloads."""
        ...

    def take_request(self, request: Request, sealed: int = 0) -> None: ...


class TraceRequests:
    """`protection` writes down what was taken, before it is answered."""

    def __init__(self, receive: Callable[[Input], None], protection: Protects | None) -> None:
        self._receive, self._protection = receive, protection
        self._turn = trio.Lock()

    async def take(self, request: Request) -> Response:
        """The answer to a request, once all that it brought has been told."""
        from reactor.agent import requests  # not loaded before there is a request

        if requests.is_large(request):
            return await self._take_in_turn(request)
        item, answer = requests.read(request)
        if item is not None:
            if answer.status < 300:
                self._protect(request)
            self._receive(item)
        return answer

    async def _take_in_turn(self, request: Request) -> Response:
        """One large request at a time: what is unpacked of a compressed one counts in no other bound."""
        try:
            async with self._turn:
                return await self._take_pieces(request)
        except trio.Cancelled:  # the sandbox ends; nobody was told that it was taken
            self._receive(NotServed("traces", "not read before the end"))
            raise

    async def _take_pieces(self, request: Request) -> Response:
        """A flush may come between two pieces. What it has sealed is in payloads; the rest is written down when all has been read."""
        from reactor.agent import requests

        told = sealed = 0
        seals = self._seals
        for item, answer in requests.pieces(request):
            if item is not None:
                self._receive(item)
                told += 1
            if answer is not None:
                if answer.status < 300 and told > sealed:
                    self._protect(request, sealed)
                return answer
            del item  # or two pieces would be held at once
            await trio.lowlevel.checkpoint()
            if self._seals != seals:
                sealed, seals = told, self._seals
        raise AssertionError("a request that ends without an answer")

    @property
    def _seals(self) -> int:
        return 0 if self._protection is None else self._protection.seals

    def _protect(self, request: Request, sealed: int = 0) -> None:
        if self._protection is not None:
            self._protection.take_request(request, sealed)
