"""Puts the durable execution on a function's logs: which one it is becomes known only after the lines came, so lines may be held.

Nothing is lost here: a line that waits too long, or for which there is no room, goes on without decoration. (specification, logs 8)
"""

from collections.abc import Iterator

from pipelines.logs.held import DurableContext, Line, held_bytes

CONTEXTS_MAX = 500
HELD_BYTES_MAX = 8 * 1024 * 1024
HELD_MS_MAX = 30_000
RUNTIME_MARK = "DurableFunction"
ARN_MARK = "/durable-execution/"


Ready = tuple[Line, DurableContext | None]


def read_execution_arn(arn: object) -> DurableContext | None:
    """The execution that a log of the durable SDK names: `...:{version}/durable-execution/{execution name}/{execution id}`."""
    if type(arn) is not str:
        return None
    name, _, execution_id = arn.partition(ARN_MARK)[2].partition("/")
    return DurableContext(execution_id, name) if name and execution_id else None


def decoration(text: str, context: DurableContext, managed: bool) -> list[tuple[str, str | bool]]:
    """The members that a line gets. Only the platform's lines say how the execution stands."""
    members: list[tuple[str, str | bool]] = [("execution_id", context.execution_id), ("execution_name", context.execution_name)]
    if context.execution_status is not None and text.startswith("REPORT RequestId:" if managed else "END RequestId:"):
        members.append(("execution_status", context.execution_status))
    if context.first_invocation is not None and text.startswith(("START RequestId:", "END RequestId:", "REPORT RequestId:")):
        members.append(("first_invocation", context.first_invocation))
    return members


class DurableBuffer:
    """Holds the lines of at most `ids_max` requests whose execution is not known yet. Methods yield what has become ready, in order."""

    def __init__(self, ids_max: int, bytes_max: int = HELD_BYTES_MAX) -> None:
        self.is_durable: bool | None = None
        """None until the environment's init tells."""
        self.bytes = 0
        self._ids_max = ids_max
        self._bytes_max = bytes_max
        self._contexts: dict[str, DurableContext] = {}
        self._held: dict[str, tuple[int, list[Line]]] = {}
        """By request id, oldest first: when its first line came (monotonic ms), and its lines."""

    def __len__(self) -> int:
        return sum(len(lines) for _, lines in self._held.values())

    def __iter__(self) -> Iterator[Line]:
        for _, lines in self._held.values():
            yield from lines

    def route(self, line: Line, mono_ms: int) -> Iterator[Ready]:
        request_id, named_context = line[3], line[6]
        if named_context or request_id is None or self.is_durable is False or self._ids_max == 0:
            yield line, named_context
        elif self.is_durable and (context := self._contexts.get(request_id)):
            yield line, context
        else:
            self._held.setdefault(request_id, (mono_ms, []))[1].append(line)
            self.bytes += held_bytes(line)
            while len(self._held) > self._ids_max or self.bytes > self._bytes_max:
                yield from self._release(next(iter(self._held)))

    def init_started(self, runtime_version: str | None) -> Iterator[Ready]:
        self.is_durable = RUNTIME_MARK in (runtime_version or "")
        for request_id in [held for held in self._held if not self.is_durable or held in self._contexts]:
            yield from self._release(request_id)

    def learn(self, request_id: str, context: DurableContext) -> Iterator[Ready]:
        """The first context of a request holds; later ones are ignored."""
        if request_id in self._contexts:
            return
        self._contexts[request_id] = context
        if len(self._contexts) > CONTEXTS_MAX:
            del self._contexts[next(iter(self._contexts))]
        if self.is_durable and request_id in self._held:
            yield from self._release(request_id)

    def release_aged(self, mono_ms: int) -> Iterator[Ready]:
        while self._held and mono_ms - self._held[oldest := next(iter(self._held))][0] >= HELD_MS_MAX:
            yield from self._release(oldest)

    def close(self) -> Iterator[Ready]:
        """Let everything go, and hold nothing any more."""
        self._ids_max = 0
        for request_id in list(self._held):
            yield from self._release(request_id)

    def _release(self, request_id: str) -> Iterator[Ready]:
        context = self._contexts.get(request_id) if self.is_durable else None
        for line in self._held.pop(request_id)[1]:
            self.bytes -= held_bytes(line)
            yield line, context
