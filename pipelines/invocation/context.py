"""What is known of each request id while its spans are not sent, in whichever order it came; bounded in number and in bytes."""

from collections.abc import Mapping
from typing import Any

import attrs

from pipelines.invocation.calls import EndFacts, StartFacts

CONTEXTS_MAX = 500
BYTES_MAX = 16 * 1024 * 1024  # of what libraries sent for them
STARTS_MAX = 500  # times of `platform.start` that came before the invocation itself


@attrs.frozen
class Placeholder:
    """What a library's stand-in for the invocation's span brought. `computed_stats`: its request said that statistics are made there."""

    trace_id: int
    span_id: int
    meta: Mapping[str, str]
    metrics: Mapping[str, float]
    meta_struct: Mapping[str, bytes]
    computed_stats: bool = False


@attrs.define
class Context:
    """One invocation. Times are epoch nanoseconds, 0 where unknown. `status` is the platform's word for how it ended, "" before."""

    request_id: str
    created_ns: int = 0
    start_ns: int = 0
    duration_ns: int | None = None
    init_tags: Mapping[str, str] = attrs.field(factory=dict)
    start: StartFacts | None = None
    end: EndFacts | None = None
    placeholder: Placeholder | None = None
    status: str = ""
    error_type: str = ""
    is_begun: bool = False
    bytes: int = 0


class Contexts:
    """By request id, oldest first. What is evicted is told to `evicted` by the machines that decide; here it is only forgotten."""

    def __init__(self) -> None:
        self.bytes = 0
        self._live: dict[str, Context] = {}
        self._starts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._live

    def get(self, request_id: str) -> Context | None:
        return self._live.get(request_id)

    def need(self, request_id: str) -> Context:
        """The context, made where a call comes before its invocation."""
        context = self._live.get(request_id)
        if context is None:
            if len(self._live) >= CONTEXTS_MAX:
                self.drop(next(iter(self._live)))
            context = self._live[request_id] = Context(request_id)
        return context

    def begin(self, request_id: str, created_ns: int, init_tags: Mapping[str, str]) -> Context:
        """An invocation begins; of an earlier try nothing is left."""
        context = self.need(request_id)
        if context.is_begun:
            self.drop(request_id)
            context = self.need(request_id)
        context.is_begun, context.created_ns, context.init_tags = True, created_ns, init_tags
        context.start_ns = self._starts.pop(request_id, 0)
        return context

    def platform_start(self, request_id: str, start_ns: int) -> None:
        """The record may be read before the invocation is known."""
        context = self._live.get(request_id)
        if context is not None and context.is_begun:
            context.start_ns = context.start_ns or start_ns
            return
        self._starts[request_id] = start_ns
        if len(self._starts) > STARTS_MAX:
            del self._starts[next(iter(self._starts))]

    def charge(self, context: Context, size: int) -> bool:
        """Whether there is room for `size` bytes more, which are then taken."""
        if self.bytes + size > BYTES_MAX:
            return False
        self.bytes += size
        context.bytes += size
        return True

    def drop(self, request_id: str) -> Context | None:
        context = self._live.pop(request_id, None)
        if context is not None:
            self.bytes -= context.bytes
        return context


def cost_of(*maps: Mapping[str, Any]) -> int:
    """What tags take, roughly; numbers count like short texts."""
    return sum(100 + len(key) + (len(value) if isinstance(value, (str, bytes)) else 8) for tags in maps for key, value in tags.items())
