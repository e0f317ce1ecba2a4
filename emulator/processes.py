"""The processes of a sandbox: started in groups of their own, frozen, thawed, ended, and measured."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs
import trio

from emulator.lines import FrameSplitter, LineSplitter
from emulator.values import ProcessReport

OUTPUT_LINES_KEPT = 200
SAMPLE_S = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


class Splitter(Protocol):
    def feed(self, data: bytes) -> list[bytes]: ...

    def end(self) -> list[bytes]: ...


@attrs.frozen(kw_only=True)
class Command:
    """How to start one process. `framed_logs`: give it a second pipe for framed log messages, as the real platform does."""

    role: str  # "extension" or "runtime"
    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    enter: Callable[[], None]
    framed_logs: bool = False


@attrs.define(kw_only=True)
class Process:
    """One process of the sandbox and its group. `exited` is set once it is reaped and its output is read."""

    command: Command
    generation: int
    pid: int
    pidfd: int
    spawned_ms: float
    exited: trio.Event = attrs.field(factory=trio.Event)
    gone: bool = False
    frozen: bool = False
    peak_rss_kb: int = 0
    killed_by_platform: bool = False
    exit_code: int | None = None
    report: ProcessReport | None = None

    def send_signal(self, number: int) -> None:
        """To the whole group; a group that is gone already is no error."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def freeze(self) -> None:
        if not self.gone:
            self.sample()
            self.send_signal(signal.SIGSTOP)
            self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            self.send_signal(signal.SIGCONT)
            self.frozen = False

    def terminate(self) -> None:
        """SIGTERM: the process may end by itself."""
        if not self.gone:
            self.send_signal(signal.SIGTERM)
            self.thaw()

    def kill(self) -> None:
        """SIGKILL to the group, also when its first process is gone: children may still be there."""
        if not self.gone:
            self.killed_by_platform = True
            self.sample()
        self.send_signal(signal.SIGKILL)

    def sample(self) -> None:
        """Take the peak memory so far: the kernel's VmHWM, summed over the process and its children.

        Not `ru_maxrss`: that is inherited through fork, so it would show the emulator's own size.
        """
        self.peak_rss_kb = max(self.peak_rss_kb, sum(peak_rss_kb(pid) for pid in family(self.pid)))

    def cpu_ms(self) -> float:
        """CPU time so far of the living process, children that it has not waited for left out."""
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) * 1000 / _TICKS


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for member in found:
        try:
            with open(f"/proc/{member}/task/{member}/children") as file:
                found += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return found


def peak_rss_kb(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status") as file:
            lines = [line for line in file if line.startswith("VmHWM:")]
    except OSError:
        return 0
    return int(lines[0].split()[1]) if lines else 0


class Processes:
    """All processes of one sandbox. Lives in the sandbox's nursery; `kill_all` leaves nothing behind."""

    def __init__(self, nursery: trio.Nursery, on_line: Callable[[Process, bytes], None], on_exit: Callable[[Process], None]) -> None:
        self._nursery, self._on_line, self._on_exit = nursery, on_line, on_exit
        self.all: list[Process] = []
        self.last_output: dict[str, list[str]] = {}

    def __repr__(self) -> str:
        return f"<Processes {len(self.living())} living of {len(self.all)}>"

    def living(self, role: str | None = None) -> list[Process]:
        return [process for process in self.all if not process.gone and role in (None, process.command.role)]

    def start(self, command: Command, generation: int) -> Process:
        """Raises OSError (not executable, not found)."""
        output_read, output_write = os.pipe2(os.O_CLOEXEC)
        log_read, log_write = os.pipe2(os.O_CLOEXEC) if command.framed_logs else (-1, -1)
        environment = dict(command.environment)
        if command.framed_logs:
            environment["_LAMBDA_TELEMETRY_LOG_FD"] = str(log_write)
        spawned_ms = trio.current_time() * 1000
        try:
            popen = subprocess.Popen(
                list(command.arguments),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output_write,
                stderr=output_write,
                start_new_session=True,
                pass_fds=(log_write,) if command.framed_logs else (),
                preexec_fn=command.enter,  # the emulator has one thread, and the function only makes system calls
            )
        except (OSError, subprocess.SubprocessError) as error:
            for descriptor in (output_read, log_read):
                if descriptor >= 0:
                    os.close(descriptor)
            raise error if isinstance(error, OSError) else OSError(str(error)) from error
        finally:
            for descriptor in (output_write, log_write):
                if descriptor >= 0:
                    os.close(descriptor)
        popen.returncode = 0  # reaped by `_watch`, through wait4: the object must not try
        process = Process(command=command, generation=generation, pid=popen.pid, pidfd=os.pidfd_open(popen.pid), spawned_ms=spawned_ms)
        self.all.append(process)
        pipes: list[tuple[int, Splitter]] = [(output_read, LineSplitter())]
        if command.framed_logs:
            pipes.append((log_read, FrameSplitter()))
        self._nursery.start_soon(self._watch, process, pipes)
        return process

    async def _watch(self, process: Process, pipes: list[tuple[int, Splitter]]) -> None:
        try:
            async with trio.open_nursery() as nursery:
                for descriptor, splitter in pipes:
                    nursery.start_soon(self._read_output, process, descriptor, splitter)
                await self._wait_end(process)
                # Give what is in the pipes a moment; a grandchild may hold them open for ever.
                nursery.cancel_scope.deadline = trio.current_time() + 0.2
                self._reap(process)
        finally:
            self._leave_nothing(process)
        self._on_exit(process)

    async def _wait_end(self, process: Process) -> None:
        """Until the process is dead; its memory is looked at now and then."""
        while True:
            if not process.frozen:
                process.sample()
            with trio.move_on_after(SAMPLE_S):
                await trio.lowlevel.wait_readable(process.pidfd)
                return

    def _reap(self, process: Process) -> None:
        _, status, usage = os.wait4(process.pid, 0)
        process.gone = True
        process.exit_code = os.waitstatus_to_exitcode(status)
        process.report = ProcessReport(
            role=process.command.role,
            name=process.command.name,
            generation=process.generation,
            pid=process.pid,
            exit_code=process.exit_code,
            cpu_user_ms=usage.ru_utime * 1000,
            cpu_system_ms=usage.ru_stime * 1000,
            peak_rss_kb=process.peak_rss_kb,
            lifetime_ms=trio.current_time() * 1000 - process.spawned_ms,
            killed_by_platform=process.killed_by_platform,
        )

    def _leave_nothing(self, process: Process) -> None:
        process.send_signal(signal.SIGKILL)  # whatever is left of the group
        if not process.gone:
            process.killed_by_platform = True
            self._reap(process)
        os.close(process.pidfd)
        process.exited.set()

    async def _read_output(self, process: Process, descriptor: int, splitter: Splitter) -> None:
        async with trio.lowlevel.FdStream(descriptor) as stream:
            try:
                while data := await stream.receive_some(65_536):
                    self._deliver(process, splitter.feed(bytes(data)))
            finally:
                self._deliver(process, splitter.end())

    def _deliver(self, process: Process, lines: list[bytes]) -> None:
        kept = self.last_output.setdefault(process.command.name, [])
        for line in lines:
            kept.append(line.decode("utf-8", "replace").rstrip("\n"))
            self._on_line(process, line)
        del kept[:-OUTPUT_LINES_KEPT]

    def tail(self, name: str, lines: int = 10) -> str:
        """The last output of one process, for an error message."""
        return "\n".join(self.last_output.get(name, [])[-lines:]) or "(nothing)"

    def freeze(self) -> None:
        for process in self.living():
            process.freeze()

    def thaw(self) -> None:
        for process in self.living():
            process.thaw()

    async def kill_all(self) -> None:
        """SIGKILL to every group, and wait until all are reaped."""
        for process in self.living():
            process.kill()
        for process in self.all:
            await process.exited.wait()

    def reports(self) -> tuple[ProcessReport, ...]:
        return tuple(process.report for process in self.all if process.report is not None)
