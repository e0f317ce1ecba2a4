"""Brings a sandbox up: extensions, then the runtime; hears their lines and their ends; reports init and restore."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import trio

from emulator import phases as p
from emulator import records
from emulator.environment import for_extension, for_runtime
from emulator.extension_states import ExtensionState, ExtensionStep
from emulator.fake_runtime import FakeProcess, FakeRuntime
from emulator.kept import Kept
from emulator.life import Agent, Life
from emulator.lines import as_record
from emulator.processes import Command, Process, Processes
from emulator.runtime_states import RuntimeStep
from emulator.runtime_states import after as runtime_after
from emulator.runtimes import runtime_command, takes_framed_logs
from emulator.values import Timings
from emulator.wire import now_ms

if TYPE_CHECKING:
    from emulator.sandbox import Sandbox


class Starting:
    """`runtime`: the process, or the script, that runs now. `init_ms`, `init_error`: of the last init; `restore_ms` of the restore."""

    def __init__(self, box: "Sandbox", extensions: Mapping[str, Sequence[str]], nursery: trio.Nursery, instance_id: str) -> None:
        self._box, self._extensions, self.instance_id = box, dict(extensions), instance_id
        self.processes = Processes(nursery, self._take_line, self._process_ended)
        self.runtime: Process | FakeProcess | None = None
        self.init_ms: float | None = None
        self.init_error: str | None = None
        self.restore_ms: float | None = None
        self.timings = Timings()
        self.output: dict[str, Kept[str]] = {"extension": Kept(), "function": Kept()}
        self._steps_taken = 0

    def __repr__(self) -> str:
        return f"<Starting {list(self._extensions)} {self.processes}>"

    @property
    def runtime_gone(self) -> bool:
        return self.runtime is None or self.runtime.gone

    def start_extensions(self, effect: p.StartExtensions) -> None:
        self._box.life = life = Life(self._box.life.number + 1, now_ms())
        self.init_error = self.init_ms = None
        self._box.telemetry.open_init()
        self._box.telemetry.emit(records.init_start(self._box.config, self._box.epoch_ms(), effect.phase, self.instance_id))
        for name in self._extensions:
            life.agents[name] = Agent(name, True, self._box.new_id())
        environment = for_extension(self._box.config, self._box.runtime_api, self._box.options.path) | dict(
            self._box.options.extension_environment
        )
        for name, command in self._extensions.items():
            self._start_extension(life, name, command, environment)
        self._box.nursery.start_soon(self._box.check_soon)

    def _start_extension(self, life: Life, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        command = Command(role="extension", name=name, arguments=arguments, environment=environment, enter=self._box.isolation.enter("/"))
        try:
            self.processes.start(command, life.number)
        except OSError as error:
            self._box.notes.append(f"extension {name} could not be started: {error}")
            agent = life.agents[name]
            agent.step(ExtensionStep.LAUNCH_FAILED)
            agent.gone = True
            reason = "PermissionDenied" if isinstance(error, PermissionError) else "Extension.LaunchError"
            self._box.nursery.start_soon(self._box.fail_soon, reason)

    def start_runtime(self, effect: p.StartRuntime) -> None:
        self._box.life.runtime_started = True
        if self._box.options.fake_runtime is not None:
            self._start_fake_runtime(self._box.options.fake_runtime)
            return
        root = "/var/task" if self._box.isolation.has_task else str(self._box.config.task_root.resolve())
        stream = f"2023/11/14/[{self._box.config.version}]{self.instance_id.replace('-', '')}"
        environment = for_runtime(self._box.config, self._box.runtime_api, task_root=root, log_stream=stream, path=self._box.options.path)
        command = Command(
            role="runtime",
            name="runtime",
            arguments=runtime_command(self._box.config),
            environment=environment,
            enter=self._box.isolation.enter(root),
            framed_logs=takes_framed_logs(self._box.config),
        )
        try:
            self.runtime = self.processes.start(command, self._box.life.number)
        except OSError as error:
            self._box.notes.append(f"the runtime could not be started: {error}")
            self._box.nursery.start_soon(self._box.fail_soon, "Runtime.InvalidEntrypoint")

    def _start_fake_runtime(self, script: FakeRuntime) -> None:
        life = self._box.life
        process = self.runtime = FakeProcess(
            script,
            connect=self._box.isolation.connect,
            port=int(self._box.runtime_api.rpartition(":")[2]),
            life=life.number,
            snap_start=self._box.config.snap_start,
            say=self._take_fake_line,
            next_step=self._next_step,
            running=self._box.telemetry.gate.wait,
        )
        self._box.nursery.start_soon(process.run, lambda: self._runtime_ended(life, process.exit_code or 0))

    def _next_step(self) -> int:
        self._steps_taken += 1
        return self._steps_taken - 1

    def _process_ended(self, process: Process) -> None:
        if process.generation != self._box.life.number:
            return
        if process.command.role == "runtime":
            self._runtime_ended(self._box.life, process.exit_code or 0)
            return
        agent = self._box.life.agents[process.command.name]
        agent.step(ExtensionStep.EXITED)
        agent.end()
        announced = agent.state in (ExtensionState.INIT_ERROR, ExtensionState.EXIT_ERROR)
        self._box.fail(f"Extension.{agent.state.value}" if announced else "Extension.Crash")
        self._box.check()

    def _runtime_ended(self, life: Life, exit_code: int) -> None:
        if life is not self._box.life:
            return
        life.runtime_gone = True
        killed = exit_code == -9 and self._box.config.managed
        self._box.fail(life.runtime_error or ("Runtime.OutOfMemory" if killed else "Runtime.ExitError"))
        self._box.check()

    def _take_line(self, process: Process, line: bytes) -> None:
        kind = "function" if process.command.role == "runtime" else "extension"
        value = as_record(line, self._box.config.log_format if kind == "function" else "Text")
        self._take_output(kind, value)

    def _take_fake_line(self, line: str | Mapping[str, Any]) -> None:
        self._take_output("function", line if isinstance(line, str) else dict(line))

    def _take_output(self, kind: str, value: str | dict[str, Any]) -> None:
        text = value.rstrip("\n") if isinstance(value, str) else str(value)
        self.output[kind].append(text, len(text))
        self._box.telemetry.emit(records.log_line(kind, self._box.epoch_ms(), value))

    def _note_timings(self) -> None:
        agents = self._box.life.external
        spawned = {process.command.name: process.spawned_ms for process in self.processes.all if process.generation == 0}
        if not agents or agents[0].name not in spawned:
            self.timings = Timings(init_ms=self.init_ms)
            return
        agent, start = agents[0], spawned[agents[0].name]
        self.timings = Timings(
            spawn_ms=start - self._box.life.started_ms,
            register_ms=_since(agent.registered_ms, start),
            subscribe_ms=_since(agent.subscribed_ms, start),
            first_next_ms=_since(agent.first_next_ms, start),
            init_ms=self.init_ms,
        )

    def report_init(self, effect: p.ReportInit) -> None:
        phase, epoch = self._box.machine.data.phase, self._box.epoch_ms()
        self.init_ms = now_ms() - self._box.life.started_ms
        self.init_error = None if effect.status == "success" else (effect.error_type or "Sandbox.Timeout")
        if self.init_error is not None:
            self._box.notes.append(f"init failed after {self.init_ms:.0f} ms: {self._why_init_failed(effect)}")
        self._box.telemetry.emit(records.init_runtime_done(self._box.config, epoch, phase, effect.status, effect.error_type))
        for agent in self._box.life.agents.values():
            self._box.telemetry.emit(records.extension(epoch, agent.name, agent.state.value, agent.events, agent.error_type))
        self._box.telemetry.emit(records.init_report(self._box.config, epoch, phase, effect.status, self.init_ms, effect.error_type))
        self._box.life.open = False
        self._box.telemetry.close_init()
        if self._box.life.number == 0:
            self._note_timings()

    def answer_restore(self, effect: p.AnswerRestore) -> None:
        self.restore_ms = now_ms()
        self._box.telemetry.emit(records.restore_start(self._box.config, self._box.epoch_ms(), self.instance_id))
        self._box.life.runtime_state = runtime_after(self._box.life.runtime_state, RuntimeStep.RESTORED) or self._box.life.runtime_state
        self._box.life.restored.set()

    def report_restore(self, effect: p.ReportRestore) -> None:
        duration = None if self.restore_ms is None or effect.status != "success" else now_ms() - self.restore_ms
        self.restore_ms = duration
        self.init_error = None if effect.status == "success" else effect.error_type
        self._box.telemetry.emit(records.restore_runtime_done(self._box.epoch_ms(), effect.status, effect.error_type))
        self._box.telemetry.emit(records.restore_report(self._box.epoch_ms(), effect.status, duration, effect.error_type))

    def processes_of(self, agent: Agent, life: Life) -> list[Process]:
        return [process for process in self.processes.living("extension") if process.command.name == agent.name]

    def _why_init_failed(self, effect: p.ReportInit) -> str:
        """For people: who was waited for, and the last that it said."""
        if effect.status != "timeout":
            who = [process.command.name for process in self.processes.all if process.gone and process.generation == self._box.life.number]
            return f"{effect.error_type}; ended: {', '.join(who) or 'nobody'}{self._tails(who)}"
        late = [f"{agent.name} did not register" for agent in self._box.life.external if not agent.registered]
        late += [f"{agent.name} did not call next" for agent in self._box.life.agents.values() if agent.state is ExtensionState.REGISTERED]
        if self._box.life.runtime_started and not self._box.life.runtime_ready:
            late.append("the runtime did not call next")
        return "; ".join(late) + self._tails([*self._extensions, "runtime"])

    def _tails(self, names: Sequence[str]) -> str:
        return "".join(f"\nlast output of {name}:\n{self.processes.tail(name)}" for name in names if name in self.processes.last_output)


def _since(moment_ms: float | None, start_ms: float) -> float | None:
    return None if moment_ms is None else moment_ms - start_ms
