"""The states of a runtime: every pair of state and step."""

import itertools

import pytest

from emulator.runtime_states import RuntimeState as S
from emulator.runtime_states import RuntimeStep as C
from emulator.runtime_states import after

ALLOWED = {
    (S.STARTED, C.NEXT): S.READY,
    (S.STARTED, C.INIT_ERROR): S.INIT_ERROR,
    (S.STARTED, C.RESTORE_NEXT): S.RESTORE_READY,
    (S.RESTORE_READY, C.RESTORED): S.RESTORING,
    (S.RESTORING, C.NEXT): S.READY,
    (S.RESTORING, C.RESTORE_ERROR): S.RESTORE_ERROR,
    (S.READY, C.INVOKED): S.RUNNING,
    (S.RUNNING, C.RESPONSE): S.RESPONDED,
    (S.RESPONDED, C.NEXT): S.READY,
}


@pytest.mark.parametrize(("state", "step"), list(itertools.product(S, C)))
def test_a_step_leads_where_the_specification_says_or_is_refused(state, step):
    assert after(state, step) is ALLOWED.get((state, step))
