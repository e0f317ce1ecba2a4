"""Stands before `reactor/agent/invocation_traces.py`: most functions that are not traced never need it, and it is a quarter of the program.

Until a library says something, what the platform says is kept here, no more than is still true; then it is told from the beginning.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fsm import events as ev
from fsm.time import Now
from protocols import telemetry_records as read

if TYPE_CHECKING:
    from protocols.http_server import Headers
    from protocols.lifecycle_api import Call
    from protocols.trace_headers import TracerHeaders
    from reactor.agent.invocation_traces import InvocationTraces

KEPT_MAX = 500  # invocations
TOLD_MAX = 20  # of each
SUCCESS = "success"

SANDBOX_RECORDS = frozenset({"platform.initStart", "platform.initReport", "platform.restoreStart", "platform.restoreReport"})
RECORDS = SANDBOX_RECORDS | {"platform.start"}

Told = tuple[str, tuple[Any, ...]]
"""The name of a method of `InvocationTraces`, and what it was called with."""


class InvocationDoor:
    """Has the methods of `InvocationTraces` that tell it things, and `tracing` itself once somebody needs it.

    `is_traced`: a library is loaded into the runtime. If that dies before the library has said a word, this is told without one.
    """

    def __init__(
        self, make: Callable[[], "InvocationTraces"], is_traced: bool = False, not_loaded: Callable[[str, Exception], None] | None = None
    ) -> None:
        """`not_loaded` is told what is lost where `make` cannot load its modules; they are tried again with the next that needs them."""
        self._make, self._is_traced, self._not_loaded = make, is_traced, not_loaded
        self._tracing: InvocationTraces | None = None
        self._sandbox: dict[str, Told] = {}
        self._invocations: dict[str, list[Told]] = {}

    @property
    def tracing(self) -> "InvocationTraces":
        """Made at first use, and told what it has missed."""
        if self._tracing is None:
            self._tracing = self._make()
            for name, args in (*self._sandbox.values(), *(told for invocation in self._invocations.values() for told in invocation)):
                getattr(self._tracing, name)(*args)
            self._sandbox.clear()
            self._invocations.clear()
        return self._tracing

    def _need(self, what: str) -> "InvocationTraces | None":
        """`tracing`; None where it cannot be had, which costs `what` and nothing else."""
        try:
            return self.tracing
        except ImportError as error:
            if self._not_loaded is None:
                raise
            self._not_loaded(what, error)
            return None

    @property
    def is_open(self) -> bool:
        return self._tracing is not None

    # --- what libraries say ---------------------------------------------------------------------------------------------------

    def call(self, call: "Call", now: Now) -> "Headers":
        tracing = self._need("call of a library")
        return () if tracing is None else tracing.call(call, now)

    def on_span(self, span: dict[str, Any]) -> None:
        """A hook of the trace pipeline."""
        self.tracing.on_span(span)

    def on_request(self, headers: "TracerHeaders") -> None:
        """A hook of the trace pipeline."""
        self.tracing.on_request(headers.computed_stats)

    def spans_shown(self, now: Now) -> None:
        if self._tracing is not None:
            self._tracing.spans_shown(now)

    # --- what the platform says -------------------------------------------------------------------------------------------------

    def record(self, record: read.Record, now: Now) -> None:
        kind = record["type"]
        if kind not in RECORDS:
            return
        if self._tracing is not None:
            self._tracing.record(record, now)
        elif kind in SANDBOX_RECORDS:
            self._sandbox[kind] = ("record", (record, now))
        elif isinstance(fields := record.get("record"), dict) and type(request_id := fields.get("requestId")) is str:
            self._keep(request_id, ("record", (record, now)))

    def opened(self, request_id: str, at: Now, init_tags: Mapping[str, str], now: Now) -> None:
        self._tell(request_id, "opened", request_id, at, init_tags, now)

    def runtime_done(self, event: ev.RuntimeDone, now: Now) -> None:
        if self._is_traced and event.status != SUCCESS and (tracing := self._need("trace of a failure")) is not None:
            tracing.runtime_done(event, now)
            return
        self._tell(event.request_id, "runtime_done", event, now)

    def reported(self, event: ev.Report, now: Now) -> None:
        if self._is_traced and event.status != SUCCESS and (tracing := self._need("trace of a failure")) is not None:
            tracing.reported(event, now)
            return
        self._tell(event.request_id, "reported", event, now)

    def superseded(self, now: Now) -> None:
        if self._tracing is not None:
            self._tracing.superseded(now)
        else:
            self._invocations.clear()

    def closed(self, request_id: str, now: Now) -> None:
        if self._tracing is not None:
            self._tracing.closed(request_id, now)
        elif self._invocations.pop(request_id, None) is not None:
            self._sandbox.setdefault("closed", ("grown_warm", ()))

    def cut_short(self, status: str, now: Now) -> None:
        if self._tracing is not None or (self._is_traced and self._invocations):
            self.tracing.cut_short(status, now)

    def stopped(self, now: Now) -> None:
        if self._tracing is not None:
            self._tracing.stopped(now)
        self._invocations.clear()

    def take_unexpected(self) -> list[Any]:
        return self._tracing.take_unexpected() if self._tracing is not None else []

    def _tell(self, request_id: str, name: str, *args: Any) -> None:
        if self._tracing is not None:
            getattr(self._tracing, name)(*args)
        else:
            self._keep(request_id, (name, args))

    def _keep(self, request_id: str, told: Told) -> None:
        kept = self._invocations.setdefault(request_id, [])
        if len(kept) < TOLD_MAX:
            kept.append(told)
        if len(self._invocations) > KEPT_MAX:
            del self._invocations[next(iter(self._invocations))]
