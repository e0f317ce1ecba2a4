"""Smaller models, for breaking tables by the hundred: most breaks show in the first seconds of a sandbox, or with a single payload.

What no small model notices is walked by the whole one.
"""

from collections.abc import Iterator, Mapping

from fsm.check.deliveries import AFTER_MS, BOUND_MS, BUSY, HALVES, KEY_REFUSED, PLAIN, TAKEN, Traffic
from fsm.check.deliveries import model_of as deliveries_of
from fsm.check.life_models import INTERVAL_MS
from fsm.check.life_models import model_of as life_of
from fsm.check.life_platform import Choices
from fsm.check.model import Model
from fsm.check.models import models_of
from fsm.decision import Kind, Strategy

ONE_BY_ONE = deliveries_of(
    "delivery_small",
    "one payload, or its halves",
    Traffic(
        1,
        BOUND_MS,
        (TAKEN, KEY_REFUSED, (413, 0, False), (400, 0, False), (429, AFTER_MS, False), BUSY),
        (True,),
        {"p": (PLAIN, HALVES)},
        is_slow=False,
    ),
)
ONCE = Choices((150, 3_000), (0, 30_000), lefts_ms=(300, 2_000), invocations_max=1, odd_max=1)
TWICE = Choices((150, 3_000), invocations_max=2, odd_max=1, failures_max=2, are_tried_again=True)

# By the name of the whole model.
SMALL: Mapping[str, tuple[Model, ...]] = {
    "delivery": (ONE_BY_ONE,),
    "life_end": (
        life_of("life_end_once", "one invocation", Strategy(Kind.END), ONCE),
        life_of("life_end_twice", "two invocations, or one twice", Strategy(Kind.END), TWICE),
    ),
    "life_end_periodically": (
        life_of("life_end_periodically_once", "one invocation, held open for long", Strategy(Kind.END_PERIODICALLY, INTERVAL_MS), ONCE),
    ),
    "life_periodically": (life_of("life_periodically_once", "one invocation", Strategy(Kind.PERIODICALLY, INTERVAL_MS), ONCE),),
    "life_continuously": (life_of("life_continuously_once", "one invocation", Strategy(Kind.CONTINUOUSLY, INTERVAL_MS), ONCE),),
}


def quick_models(machine: str) -> Iterator[Model]:
    """Those that walk this machine, smaller ones in the place of large ones."""
    for model in models_of(machine):
        yield from SMALL.get(model.name, (model,))


def slow_models(machine: str) -> Iterator[Model]:
    """Those that have smaller ones, whole."""
    return (model for model in models_of(machine) if model.name in SMALL)
