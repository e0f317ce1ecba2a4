import sys
from pathlib import Path

import pytest

from cli.scenario import Outcome, Scenario
from emulator.account import Account
from emulator.values import FunctionConfig, InvocationResult, ProcessReport, SandboxRun, Timings

# `demo` and `bench` are not installed: they are run from the project's folder, which `pytest` alone does not look into.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


@pytest.fixture
def a_process():
    def make(**more) -> ProcessReport:
        given = {"role": "extension", "name": "datadog-agent", "generation": 0, "pid": 7, "exit_code": 0, "killed_by_platform": False}
        given |= {"cpu_user_ms": 10.0, "cpu_system_ms": 2.0, "peak_rss_kb": 30720, "lifetime_ms": 500.0}
        return ProcessReport(**(given | more))

    return make


@pytest.fixture
def a_result():
    def make(**more) -> InvocationResult:
        given = {"request_id": "r-1", "status": "success", "response": b"{}", "duration_ms": 40.0, "post_runtime_ms": 30.0, "billed_ms": 41}
        return InvocationResult(**(given | more))

    return make


@pytest.fixture
def an_outcome(a_process, a_result):
    """An outcome in which all went well; `more` are fields of the run, `account` what arrived."""

    def make(account: Account | None = None, **more) -> Outcome:
        given = {
            "results": (a_result(),),
            "records": (),
            "processes": (a_process(),),
            "extension_output": (),
            "function_output": (),
            "timings": Timings(register_ms=20.0, subscribe_ms=30.0, first_next_ms=31.0),
            "isolation": "namespaces",
            "notes": (),
        }
        arrived = {"outputs": [], "problems": [], "not_kept": [], "statistics": {"requests": 0}}
        return Outcome(run=SandboxRun(**(given | more)), account=account or Account(), arrived=arrived)

    return make


@pytest.fixture
def a_scenario():
    def make(**environment: str) -> Scenario:
        config = FunctionConfig(handler="app.handler", task_root=Path("/"), environment=environment)
        return Scenario(config=config, extension=("x",), invocations=())

    return make
