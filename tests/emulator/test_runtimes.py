"""How a runtime is started."""

import sys
from pathlib import Path

import pytest

from emulator.runtimes import runtime_command, takes_framed_logs
from emulator.values import FunctionConfig


def config(**changes):
    return FunctionConfig(**{"handler": "app.handler", "task_root": Path("/"), **changes})


def test_the_default_is_pythons_own_client():
    assert runtime_command(config()) == (sys.executable, "-m", "awslambdaric", "app.handler")


def test_any_command_may_take_its_place():
    assert runtime_command(config(runtime=("/var/task/bootstrap",))) == ("/var/task/bootstrap",)


@pytest.mark.parametrize(
    ("changes", "framed"),
    [({}, True), ({"runtime": ("/x",)}, False), ({"init_type": "lambda-managed-instances"}, False)],
)
def test_only_the_single_client_takes_a_log_pipe(changes, framed):
    assert takes_framed_logs(config(**changes)) is framed
