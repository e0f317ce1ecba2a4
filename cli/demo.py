"""The demonstration, `make -f layer.mk demo`: what a function emits, fails and hangs with, against what arrives of it.

Everything is real but Lambda and Datadog: the function's runtime, metrics client and tracer, the extension as a process of its own, the
sockets, the freeze between invocations. Lambda is the local platform, Datadog the local intake.
"""

import sys

import trio

from cli import emulate_text
from cli.emulate import say
from cli.launch import ROOT, ours
from cli.scenario import Outcome, Scenario, play
from cli.verdict import failures_of
from demo import expected
from emulator.account import LogLine
from emulator.values import FunctionConfig, SandboxError
from emulator.verdict import Verdict, judge

TIMEOUT_MS = 3_000
INTRODUCTION = """\
A function takes five orders and traces them: two are paid, one raises, one hangs until Lambda ends it after 3 s, one more is paid in a
fresh sandbox. It stands frozen in between. What the extension delivers is compared with what the function emitted, item by item."""


def main() -> int:
    """Exit code: 0; 1 if anything is missing, wrong or there twice, or if the demonstration could not run."""
    say(INTRODUCTION)
    scenario = demonstration()
    try:
        outcome = trio.run(play, scenario, say)
    except SandboxError as error:
        say(f"the demonstration could not run: {error}")
        return 1
    assert outcome.account is not None
    verdict = judge(outcome.account, expected.expectation())
    failures = [*failures_of(outcome, scenario), *shortcomings(outcome, verdict)]
    print(emulate_text.render(outcome, failures, verdict, lines_compared=True), end="")
    print(summary(outcome, failures))
    return 1 if failures else 0


def demonstration() -> Scenario:
    config = FunctionConfig(
        handler="app.handler",
        task_root=ROOT / "demo",
        timeout_ms=TIMEOUT_MS,
        memory_mb=512,
        name=expected.NAME,
        environment=expected.TRACED,
    )
    return Scenario(config=config, extension=ours(), invocations=expected.invocations())


def shortcomings(outcome: Outcome, verdict: Verdict) -> list[str]:
    """Everything that keeps this run from being good, as sentences."""
    assert outcome.account is not None
    found = [f"missing: {text}" for text in verdict.missing]
    found += [f"wrong: {text}" for text in verdict.wrong]
    found += [f"unexpected: {text}" for text in verdict.unexpected]
    found += [f"twice: {text}" for text in outcome.account.duplicates]
    came = [result.status for result in outcome.run.results]
    if came != expected.statuses():
        found.append(f"the invocations ended as {', '.join(came)}, not as {', '.join(expected.statuses())}")
    if (times := sum(map(_is_the_exception, outcome.account.logs))) != 1:
        found.append(f"the exception of order A3 arrived {times} times, not once")
    return found


def _is_the_exception(line: LogLine) -> bool:
    return line.message.startswith(expected.RAISED) and line.request_id == expected.request_id(2)


def summary(outcome: Outcome, failures: list[str]) -> str:
    assert outcome.account is not None
    wanted = expected.expectation()
    requests = sum(each.requests for each in outcome.account.endpoints)
    sent_bytes = sum(each.body_bytes for each in outcome.account.endpoints)
    compared = f"{len(wanted.metrics)} metrics, {len(wanted.logs) + 1} log entries and {len(wanted.each_span or ())} spans compared"
    came = f"{len(outcome.run.results)} invocations, {requests} requests with {sent_bytes} bytes"
    return f"demo: {came}; {compared}: {'all as emitted, each once' if not failures else f'{len(failures)} FAILURES'}"


if __name__ == "__main__":
    sys.exit(main())
