"""A sandbox from birth to spindown: `run_sandbox`, and `open_sandbox` for those who decide as they go."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from emulator.fake_runtime import FakeRuntime
from emulator.faults import Fault, FaultBook
from emulator.kept import Kept
from emulator.namespace import RUNTIME_API_PORT, isolate
from emulator.sandbox import Options, Sandbox
from emulator.telemetry import RetryPolicy
from emulator.values import ApiCall, FunctionConfig, Invocation, ReportMode, SandboxError, SandboxRun
from emulator.wire import accept
from reactor.net.clock import Clock, SystemClock

EXTENSION_NAME = "datadog-agent"

StreamHandler = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def open_sandbox(
    config: FunctionConfig,
    extension: Sequence[str] | None,
    *,
    other_extensions: Mapping[str, Sequence[str]] | None = None,
    faults: Sequence[Fault] = (),
    options: Options | None = None,
    isolation: str = "namespaces",
    inside: Mapping[int, StreamHandler] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> AsyncIterator[Sandbox]:
    """A sandbox that nothing runs in yet. Leaving the block ends every process, listener and mount of it.

    `inside`: handlers for connections to 127.0.0.1:port in the sandbox's network, such as `emulator.wire.relay_to(host, port)`.
    """
    options = options if options is not None else Options()
    extensions = ({} if extension is None else {EXTENSION_NAME: tuple(extension)}) | dict(other_extensions or {})
    if not config.task_root.is_dir():
        raise SandboxError(f"the function's folder {config.task_root} is not there")
    commands = [] if config.runtime is None else [config.runtime]
    async with isolate(config.task_root, extensions, commands, want=isolation, say=say) as place:
        listener = await place.listen(RUNTIME_API_PORT if place.kind != "host" else 0)
        address = f"127.0.0.1:{listener.socket.getsockname()[1]}"
        async with trio.open_nursery() as nursery:
            sandbox = Sandbox(
                config, extensions, isolation=place, runtime_api=address, nursery=nursery, faults=FaultBook(tuple(faults)), options=options
            )
            sandbox.notes += place.notes
            nursery.start_soon(accept, listener, sandbox.serve)
            for port, handle in (inside or {}).items():
                nursery.start_soon(accept, await place.listen(port), handle)
            try:
                yield sandbox
            finally:
                await sandbox.close()
                nursery.cancel_scope.cancel()


async def run_sandbox(
    config: FunctionConfig,
    extension: Sequence[str] | None,
    invocations: Sequence[Invocation],
    *,
    freeze: bool = True,
    faults: Sequence[Fault] = (),
    report_mode: ReportMode = "late",
    observer: Callable[[ApiCall], None] | None = None,
    fake_runtime: FakeRuntime | None = None,
    other_extensions: Mapping[str, Sequence[str]] | None = None,
    isolation: str = "namespaces",
    inside: Mapping[int, StreamHandler] | None = None,
    clock: Clock | None = None,
    new_id: Callable[[], str] | None = None,
    extension_environment: Mapping[str, str] | None = None,
    retry: RetryPolicy = RetryPolicy(),  # noqa: B008 (frozen)
    during: Callable[[Sandbox], Awaitable[None]] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> SandboxRun:
    """Init, all invocations (in managed instances as many at once as the function allows), spindown.

    `during` is awaited after the last invocation, before the spindown. Raises SandboxError when the sandbox cannot be had at all; what
    goes wrong inside it shows in the results.
    """
    made = {"freeze": freeze, "report_mode": report_mode, "observer": observer, "fake_runtime": fake_runtime, "retry": retry}
    options = Options(**made, clock=clock if clock is not None else SystemClock())  # type: ignore[arg-type]
    options = options if new_id is None else attrs.evolve(options, new_id=new_id)
    options = attrs.evolve(options, extension_environment=dict(extension_environment or {}))
    async with open_sandbox(
        config,
        extension,
        other_extensions=other_extensions,
        faults=faults,
        options=options,
        isolation=isolation,
        inside=inside,
        say=say,
    ) as sandbox:
        await _live(sandbox, invocations)
        if during is not None:
            await during(sandbox)
        await sandbox.stop()
        return summary(sandbox)


async def _live(sandbox: Sandbox, invocations: Sequence[Invocation]) -> None:
    # An on-demand environment is made for an invocation that waits already, so it does not freeze after init.
    waits = sandbox.config.init_type == "on-demand" and bool(invocations) and not invocations[0].pause_before_ms
    sandbox.waiting += waits
    await sandbox.init()
    sandbox.waiting -= waits
    if not sandbox.config.managed:
        for invocation in invocations:
            await sandbox.invoke(invocation)
        return
    await _invoke_at_once(sandbox, invocations)


async def _invoke_at_once(sandbox: Sandbox, invocations: Sequence[Invocation]) -> None:
    waiting = iter(invocations)

    async def lane() -> None:
        for invocation in waiting:
            await sandbox.invoke(invocation)

    async with trio.open_nursery() as nursery:
        for _ in range(sandbox.config.max_concurrency):
            nursery.start_soon(lane)


def summary(sandbox: Sandbox) -> SandboxRun:
    """What the sandbox has shown so far."""
    subscribers: list[Any] = [*sandbox.telemetry.past, *sandbox.telemetry.subscribers]
    unused = [f"fault {fault} never had its occasion" for fault in sandbox.faults.unused()]
    return SandboxRun(
        results=tuple(sandbox.results),
        records=tuple(sandbox.telemetry.records),
        processes=sandbox.starting.processes.reports(),
        extension_output=tuple(sandbox.starting.output["extension"]),
        function_output=tuple(sandbox.starting.output["function"]),
        timings=sandbox.starting.timings,
        isolation=sandbox.isolation.kind,
        notes=(*sandbox.notes, *unused, *_forgotten(sandbox)),
        steps=tuple(sandbox.steps),
        batches_delivered=sum(subscriber.delivered for subscriber in subscribers),
        batches_failed=sum(subscriber.failed for subscriber in subscribers),
    )


def _forgotten(sandbox: Sandbox) -> list[str]:
    stores: list[tuple[str, Kept[Any]]] = [("records", sandbox.telemetry.records), ("results", sandbox.results)]
    stores += [(f"{kind} lines", lines) for kind, lines in sandbox.starting.output.items()]
    return [f"{kept.forgotten} {what} forgotten: over {kept.bytes_max} bytes" for what, kept in stores if kept.forgotten]
