"""One emulated run: a function, an extension, a platform between them and an intake behind. Values in, values out."""

import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs
import trio

from emulator.account import Account, account_of
from emulator.faults import Fault
from emulator.front_door import serve_callers
from emulator.intake import Intake
from emulator.misbehaviour import Misbehaviour
from emulator.run import StreamHandler, run_sandbox
from emulator.values import ApiCall, FunctionConfig, Invocation, ReportMode, SandboxError, SandboxRun
from emulator.wire import relay_to

API_KEY = "0123456789abcdef0123456789abcdef"
ADDRESS_VARIABLES = ("DD_DD_URL", "DD_LOGS_CONFIG_LOGS_DD_URL", "DD_APM_DD_URL")


@attrs.frozen(kw_only=True)
class Scenario:
    """What is to run. `extension` None: none at all. `intake_url` None: a local intake stands in, and `misbehaviours` are its."""

    config: FunctionConfig
    extension: tuple[str, ...] | None
    invocations: tuple[Invocation, ...]
    freeze: bool = True
    report_mode: ReportMode = "late"
    isolation: str = "namespaces"
    faults: tuple[Fault, ...] = ()
    intake_url: str | None = None
    misbehaviours: tuple[Misbehaviour, ...] = ()
    seed: int = 0
    listen: tuple[str, int] | None = None
    """Where callers are served after the invocations, until they are told to end."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of it. `account` and `arrived` (the intake's export) are None where the intake is somebody else's."""

    run: SandboxRun
    account: Account | None
    arrived: Mapping[str, Any] | None


async def play(scenario: Scenario, say: Callable[[str], None]) -> Outcome:
    """Raises SandboxError when the run cannot be had at all; what goes wrong inside it shows in the outcome."""
    intake = Intake(misbehaviours=scenario.misbehaviours, seed=scenario.seed) if scenario.intake_url is None else None
    url, inside = _way_to_intake(scenario, intake)
    config = attrs.evolve(scenario.config, environment=_addresses(url) | dict(scenario.config.environment))
    listen = scenario.listen
    try:
        run = await run_sandbox(
            config,
            scenario.extension,
            scenario.invocations,
            freeze=scenario.freeze,
            faults=scenario.faults,
            report_mode=scenario.report_mode,
            observer=Progress(say).note,
            isolation=scenario.isolation,
            inside=inside,
            during=None if listen is None else lambda sandbox: serve_callers(sandbox, *listen, say),
            say=say,
        )
    except ExceptionGroup as group:
        raise _sandbox_error(group) from group
    if intake is None:
        return Outcome(run=run, account=None, arrived=None)
    arrived = intake.export()
    problems = [f"{each['path']}: {each['problem']}" for each in arrived["problems"]]
    return Outcome(run=run, account=account_of(arrived["outputs"], problems), arrived=arrived)


def _way_to_intake(scenario: Scenario, intake: Intake | None) -> tuple[str, dict[int, StreamHandler]]:
    """The URL that the extension is given, and who answers there inside the sandbox's own network."""
    if intake is not None:
        port = free_port()
        return f"http://127.0.0.1:{port}", {port: intake.serve_connection}
    assert scenario.intake_url is not None
    if scenario.isolation == "host":
        return scenario.intake_url, {}
    host, port = host_and_port(scenario.intake_url)
    inside_port = free_port()
    return f"http://127.0.0.1:{inside_port}", {inside_port: relay_to(host, port)}


def host_and_port(url: str) -> tuple[str, int]:
    """Of a plain HTTP address without a path; raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"{url!r} is not http://HOST[:PORT]; other addresses can be used with --isolation host")
    return parts.hostname, parts.port or 80


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _addresses(url: str) -> dict[str, str]:
    """What points an extension at the intake. The function's own variables go before these."""
    return {"DD_API_KEY": API_KEY} | dict.fromkeys(ADDRESS_VARIABLES, url)


def _sandbox_error(group: BaseExceptionGroup[Any]) -> BaseException:
    """The one error that nurseries wrapped; whatever is no SandboxError stays as it is."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, SandboxError) else group


class Progress:
    """Says what a person who waits wants to know, from what passes on the platform's wires."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._answered, self._began_ms = say, 0, trio.current_time() * 1000

    def note(self, call: ApiCall) -> None:
        if call.path.endswith("/extension/register"):
            self._tell(call, "an extension registered" if call.status == 200 else f"an extension's registration: {call.status}")
        elif call.kind == "runtime" and call.method == "POST" and call.path.endswith(("/response", "/error")):
            self._answered += 1
            self._tell(call, f"answer {self._answered}: {'an error' if call.path.endswith('/error') else 'a response'}")

    def _tell(self, call: ApiCall, text: str) -> None:
        self._say(f"{call.at_ms - self._began_ms:7.0f} ms  {text}")
