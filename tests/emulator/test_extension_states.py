"""The states of an extension: every pair of state and step."""

import itertools

import pytest

from emulator.extension_states import ExtensionState as S
from emulator.extension_states import ExtensionStep as C
from emulator.extension_states import after

ALLOWED = """
Started REGISTER Registered
Started LAUNCH_FAILED LaunchError
Registered NEXT Ready
Registered INIT_ERROR InitError
Registered EXIT_ERROR ExitError
Ready EVENT Running
Ready EXIT_ERROR ExitError
Running NEXT Ready
Running EXIT_ERROR ExitError
Running EXITED Exited
Running KILLED ShutdownFailed
InitError INIT_ERROR InitError
ExitError EXIT_ERROR ExitError
"""
TABLE = {(S(a), C[b]): S(c) for a, b, c in (line.split() for line in ALLOWED.strip().splitlines())}


@pytest.mark.parametrize(("state", "step"), list(itertools.product(S, C)))
def test_a_step_leads_where_the_specification_says_or_is_refused(state, step):
    assert after(state, step) is TABLE.get((state, step))
