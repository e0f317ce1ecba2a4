"""What of a run counts as failed. Pure: an outcome in, sentences out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cli.scenario import Outcome, Scenario
from emulator.account import Account, cut

BROKEN = ("crash", "refused")
LINES_CHANGE_WITH = ("PROCESSING_RULES", "LOGS_ENABLED")


def failures_of(outcome: Outcome, scenario: Scenario) -> list[str]:
    """Sentences; none when all went well. A function that raises or times out is its own affair."""
    return [*_broken_invocations(outcome), *_ended_badly(outcome), *_not_as_printed(outcome, scenario)]


def _broken_invocations(outcome: Outcome) -> Iterator[str]:
    for number, result in enumerate(outcome.run.results, 1):
        if result.status in BROKEN:
            yield f"invocation {number}: {result.status}, {result.error_type}"


def _ended_badly(outcome: Outcome) -> Iterator[str]:
    for process in outcome.run.processes:
        if process.role != "extension":
            continue
        if process.killed_by_platform:
            yield f"the extension {process.name} (life {process.generation + 1}) did not end in time and was killed"
        elif process.exit_code:
            yield f"the extension {process.name} (life {process.generation + 1}) ended with exit code {process.exit_code}"


def _not_as_printed(outcome: Outcome, scenario: Scenario) -> Iterator[str]:
    if outcome.account is None:
        return
    yield from (f"the intake could not read: {problem}" for problem in outcome.account.problems)
    if can_compare_lines(outcome, scenario):
        yield from unbalanced_lines(outcome.run.function_output, outcome.account)


def can_compare_lines(outcome: Outcome, scenario: Scenario) -> bool:
    """Whether what the function printed must be what arrived: all of both is known, and no setting leaves out or rewrites lines."""
    known = outcome.account is not None and not any("forgotten" in note for note in outcome.run.notes)
    return known and scenario.extension is not None and not lines_may_change(scenario.config.environment)


def lines_may_change(environment: Mapping[str, str]) -> bool:
    return any(word in name.upper() for name in environment for word in LINES_CHANGE_WITH)


def unbalanced_lines(printed: Iterable[str], account: Account) -> list[str]:
    """Printed and arrived, as sentences where they differ. Blank lines, and JSON, which is taken apart, are left out."""
    arrived = Counter(line.message.rstrip("\r\n") for line in account.logs)
    return [
        f"line {cut(text)!r}: printed {times} times, arrived {arrived[text]} times"
        for text, times in Counter(text.rstrip("\r\n") for text in printed).items()
        if arrived[text] != times and text.strip() and not text.lstrip().startswith("{")
    ]
