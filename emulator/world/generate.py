"""From a seed to a scenario. All chance is here; nothing that happens later is left to it."""

from random import Random

import attrs

from emulator.world.scenario import LINES, TROUBLES, Ending, Invocation, Life, Scenario, Trouble, Work

STRATEGIES = ("end", "default", "end,50", "periodically,40", "continuously,40", "periodically,1000", "continuously,1000")
JUMPS_MS = (-3_600_000, -60_000, -2_000, 2_000, 60_000, 3_600_000, 28_800_000)
INTAKE_FAULTS = (
    "status:500", "status:503", "status:429:retry-after=1", "status:429", "status:403", "status:400", "status:413", "status:408",
    "hang", "drop", "drop-after-read", "half", "reset", "slow:1", "slow:20",
    "delay:30", "delay:400", "delay:900", "delay:1500", "delay:5000",
)  # fmt: skip
ASK_FAULTS = ("500", "503", "close", "half", "nonsense")


def generate(seed: int) -> Scenario:
    """The scenario of this seed. Half of them have a kind intake: there nothing at all may be lost."""
    dice = Random(seed)
    lives = tuple(_life(dice) for _ in range(dice.choice((1, 1, 1, 1, 1, 2, 3))))
    scenario = Scenario(
        seed=seed,
        strategy=dice.choice(STRATEGIES) if dice.random() < 0.6 else "end",
        timeout_ms=dice.choice((1_000, 3_000, 3_000, 10_000)),
        flush_budget_ms=dice.choice((200, 1_000, 1_000)),
        latency_ms=dice.choice((0, 1, 1, 5, 15, 60, 250)),
        pieces=dice.choice((1, 1, 1, 2, 4)),
        has_spool=dice.random() < 0.4,
        intake=() if dice.random() < 0.5 else _intake(dice),
        lives=lives,
    )
    return _traced(_managed(scenario, dice) if dice.random() < 0.2 else scenario, Random(f"library {seed}"))


def _traced(scenario: Scenario, dice: Random) -> Scenario:
    """The same with a library that traces, in a third of the worlds. Its dice are its own: the other worlds stay what they were."""
    if dice.random() < 0.67:
        return scenario
    calls = dice.choice((("named",), ("named", "doubled"), ("unnamed",), ("named", "unnamed", "doubled", "no_start", "no_end", "")))
    lives = tuple(
        attrs.evolve(life, invocations=tuple(_with_library(each, dice.choice(calls), dice) for each in life.invocations))
        for life in scenario.lives
    )
    return attrs.evolve(scenario, lives=lives)


def _with_library(invocation: Invocation, calls: str, dice: Random) -> Invocation:
    kinds = dice.choice(((), ("span",), ("span", "span"), ("span", "statistics")))
    work = tuple(Work(dice.randint(0, invocation.duration_ms), kind) for kind in kinds)
    return attrs.evolve(invocation, work=(*invocation.work, *work), calls=calls)


def _managed(scenario: Scenario, dice: Random) -> Scenario:
    """The same on a managed instance, with more invocations, side by side."""
    lives = tuple(_managed_life(life, dice) for life in scenario.lives)
    return attrs.evolve(
        scenario, is_managed=True, strategy=dice.choice(("default", "end", "continuously,40", "continuously,1000")), lives=lives
    )


def _managed_life(life: Life, dice: Random) -> Life:
    times = dice.choice((1, 1, 3, 10))
    invocations = tuple(_side_by_side(invocation, dice) for invocation in life.invocations * times)
    kind = "invoked" if dice.random() < 0.05 else life.ending.kind
    return attrs.evolve(life, invocations=invocations, ending=attrs.evolve(life.ending, kind=kind))


def _side_by_side(invocation: Invocation, dice: Random) -> Invocation:
    return attrs.evolve(
        invocation,
        outcome=dice.choice(("success", "success", "success", "error", "timeout")),
        pause_ms=dice.choice((0, 0, 0, 1, 10, 10, 300, 2_000, 2_000, 45_000)),
        frozen=dice.choice(("", "", "", "", "", "jumped")),
        ask_faults=invocation.ask_faults if dice.random() < 0.1 else (),
        is_event_lost=False,
        is_early=False,
        is_retry=False,
        done_record="sent",
        report_record="lost" if dice.random() < 0.1 else "prompt",
    )


def _intake(dice: Random) -> tuple[str, ...]:
    share = dice.choice((0.2, 0.5, 1.0))
    return tuple(dice.choice(INTAKE_FAULTS) if dice.random() < share else "delay:0" for _ in range(dice.randint(1, 12)))


def _life(dice: Random) -> Life:
    if dice.random() < 0.04:
        register = dice.choice(("403", "500", "close", "half", "silent"))
        return Life(register=register, register_ms=dice.choice((0, 3, 400)))
    invocations = [_invocation(dice) for _ in range(dice.choice((0, 1, 1, 1, 2, 2, 2, 3, 4, 6)))]
    ending = _ending(dice, invocations)
    subscribe = dice.choice(("202", "400", "500", "close", "silent")) if dice.random() < 0.08 else "200"
    troubles = tuple(_trouble(dice) for _ in range(dice.choice((0, 0, 1, 2, 4))))
    return Life(
        tuple(invocations),
        ending,
        register_ms=dice.choice((0, 3, 3, 40, 2_000)),
        subscribe=subscribe,
        subscribe_ms=dice.choice((0, 3, 3, 40, 290, 310, 2_000)),
        troubles=troubles,
        crowd=70 if dice.random() < 0.01 else 0,
        skew_ms=dice.choice(JUMPS_MS) if dice.random() < 0.03 else 0,
    )


def _trouble(dice: Random) -> Trouble:
    return Trouble(dice.randint(0, 8), dice.choice(TROUBLES), dice.choice((5, 50, 500)))


def _invocation(dice: Random) -> Invocation:
    duration_ms = dice.choice((0, 1, 5, 20, 20, 100, 400, 850, 900))
    work = tuple(_work(dice, duration_ms) for _ in range(dice.choice((0, 1, 2, 3, 4))))
    is_odd = dice.random() < 0.35
    if not is_odd:
        return Invocation(
            duration_ms, dice.choice(("success", "success", "success", "error")), work, pause_ms=dice.choice((0, 0, 10, 2_000))
        )
    frozen = dice.choice(("", "stopped", "jumped"))
    return Invocation(
        duration_ms,
        "success",
        work,
        pause_ms=dice.choice((0, 10, 1_500, 60_000, 3_600_000) if frozen else (0, 10, 1_500)),
        frozen=frozen,
        jump_ms=dice.choice(JUMPS_MS) if dice.random() < 0.2 else 0,
        ask_faults=tuple(dice.choice(ASK_FAULTS) for _ in range(dice.choice((0, 0, 1, 2, 4)))),
        is_event_lost=dice.random() < 0.08,
        is_early=dice.random() < 0.2,
        is_retry=dice.random() < 0.2,
        start_record=dice.choice(("sent", "sent", "sent", "lost")),
        done_record=dice.choice(("sent", "sent", "late", "lost")),
        report_record=dice.choice(("late", "late", "prompt", "lost")),
    )


def _work(dice: Random, duration_ms: int) -> Work:
    kind = dice.choice(("text", "text", "json_text", "object", "foreign", "count", "gauge", "distribution", "packed", "odd", "equal"))
    times = dice.choice((50, 300)) if dice.random() < 0.02 else dice.choice((1, 1, 2, 3))
    late_ms = dice.choice((0, 0, 0, 15)) if kind in LINES else 0  # a line may be written when the handler has returned
    return Work(dice.randint(0, duration_ms) + late_ms, kind, times)


def _ending(dice: Random, invocations: list[Invocation]) -> Ending:
    kind = dice.choice(("shutdown",) * 6 + ("sigterm", "kill", "kill", "refused", "gone"))
    at_ms = None
    if invocations and dice.random() < 0.4:
        at_ms = dice.choice((0, 1, 3, 10, 30, 60, 200, 1_000, 1_500))
    reason = dice.choice(("spindown", "spindown", "failure", "TIMEOUT"))
    if kind == "shutdown" and at_ms is None and invocations and dice.random() < 0.25:
        last = invocations.pop()
        invocations.append(Invocation(last.duration_ms, dice.choice(("timeout", "crash")), last.work))
    return Ending(kind, reason, at_ms, dice.choice((0, 0, 30, 5_000)), dice.choice((0, 0, 2)))
