import pytest

from fsm.check.models import MODELS, NOT_WALKED
from fsm.machines import MACHINES


def test_every_machine_is_walked_or_there_is_a_reason_why_not():
    walked = {machine for model in MODELS.values() for machine in model.machines}
    assert walked | set(NOT_WALKED) == set(MACHINES)
    assert not walked & set(NOT_WALKED)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_model_says_what_it_is_and_how_each_rule_is_seen(model):
    assert model.text
    assert all(model.rules.values())
    assert model.stalled in model.rules


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_reasons_why_a_cell_is_not_reached_name_cells_of_the_models_machines(model):
    cells = {(name, str(state), event.__name__) for name in model.machines for state, event in MACHINES[name].rows}
    assert set(model.unreached) <= cells
