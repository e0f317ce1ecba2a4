"""Takes away from a failing scenario what it fails without: greedy, element by element, until nothing more can go."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from emulator.world.scenario import Ending, Invocation, Life, Scenario, Work, size

TRIES_MAX = 2_000


def shrink(scenario: Scenario, fails: Callable[[Scenario], bool], tries_max: int = TRIES_MAX) -> Scenario:
    """The smallest scenario found that still `fails`; at most `tries_max` are tried."""
    tried = 0
    while tried < tries_max:
        for smaller in sorted(candidates(scenario), key=size):
            tried += 1
            if size(smaller) < size(scenario) and fails(smaller):
                scenario = smaller
                break
            if tried >= tries_max:
                break
        else:
            return scenario
    return scenario


def candidates(scenario: Scenario) -> Iterator[Scenario]:
    """Everything that is one step smaller, or more ordinary."""
    yield from (attrs.evolve(scenario, lives=lives) for lives in _shorter(scenario.lives, _smaller_lives) if lives)
    yield from (attrs.evolve(scenario, intake=intake) for intake in _shorter(scenario.intake, _smaller_clauses))
    yield from _plainer(scenario, ("strategy", "timeout_ms", "flush_budget_ms", "latency_ms", "pieces", "has_spool"))


def _shorter(parts: tuple[Any, ...], smaller: Callable[[Any], Iterator[Any]]) -> Iterator[tuple[Any, ...]]:
    """Half of it, one part less, one part smaller."""
    if len(parts) > 3:
        yield parts[: len(parts) // 2]
        yield parts[len(parts) // 2 :]
    for at, part in enumerate(parts):
        yield (*parts[:at], *parts[at + 1 :])
        yield from ((*parts[:at], less, *parts[at + 1 :]) for less in smaller(part))


def _smaller_lives(life: Life) -> Iterator[Life]:
    yield from (attrs.evolve(life, invocations=shorter) for shorter in _shorter(life.invocations, _smaller_invocations))
    yield from (attrs.evolve(life, troubles=shorter) for shorter in _shorter(life.troubles, _as_it_is))
    yield from (attrs.evolve(life, ending=ending) for ending in _smaller_endings(life.ending))
    yield from _plainer(life, ("register", "register_ms", "subscribe", "subscribe_ms", "crowd", "skew_ms"))


def _smaller_invocations(invocation: Invocation) -> Iterator[Invocation]:
    yield from (attrs.evolve(invocation, work=shorter) for shorter in _shorter(invocation.work, _smaller_work))
    yield from (attrs.evolve(invocation, ask_faults=shorter) for shorter in _shorter(invocation.ask_faults, _as_it_is))
    names = [field.name for field in attrs.fields(Invocation) if field.name not in ("work", "ask_faults")]
    yield from _plainer(invocation, names)


def _smaller_work(work: Work) -> Iterator[Work]:
    if work.times > 1:
        yield attrs.evolve(work, times=1)
        yield attrs.evolve(work, times=work.times // 2)
    if work.at_ms:
        yield attrs.evolve(work, at_ms=0)


def _smaller_endings(ending: Ending) -> Iterator[Ending]:
    yield from _plainer(ending, ("kind", "reason", "at_ms", "idle_ms", "late_lines"))
    if ending.at_ms:
        yield attrs.evolve(ending, at_ms=0)


def _smaller_clauses(clause: str) -> Iterator[str]:
    if clause != "delay:0":
        yield "delay:0"


def _as_it_is(part: Any) -> Iterator[Any]:
    yield from ()


def _plainer(value: Any, names: Any) -> Iterator[Any]:
    """One field at its default."""
    for name in names:
        default = getattr(attrs.fields_dict(type(value))[name], "default", None)
        if getattr(value, name) != default:
            yield attrs.evolve(value, **{name: default})
