"""All models by name: the one list that the command, the tests and the mutants go by."""

from collections.abc import Iterable, Mapping

from fsm.check.deliveries import DELIVERY, DELIVERY_ABREAST
from fsm.check.flushes import FLUSH
from fsm.check.invocations import INVOCATION, MANAGED_INVOCATION
from fsm.check.life_models import MODELS as LIVES
from fsm.check.managed_life import MANAGED_LIFE
from fsm.check.model import Model
from fsm.check.tracings import MANAGED_PAIRING, PAIRING, TRACING

# The quick ones first: who breaks a table hears of it soon.
MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        FLUSH,
        TRACING,
        PAIRING,
        MANAGED_PAIRING,
        MANAGED_INVOCATION,
        INVOCATION,
        MANAGED_LIFE,
        DELIVERY,
        DELIVERY_ABREAST,
        *LIVES,
    )
}

# Machines that no model walks, each with what holds their rules instead.
NOT_WALKED = {"secret": "its tests try every state with every event, and every order of answers"}


def models_of(machine: str) -> Iterable[Model]:
    """Those that walk this machine, quick ones first."""
    return (model for model in MODELS.values() if machine in model.machines)
