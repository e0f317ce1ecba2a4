import attrs
import pytest

from cli.verdict import can_compare_lines, failures_of, unbalanced_lines
from emulator.account import Account, LogLine


def log(text: str) -> LogLine:
    return LogLine(text, "info", "r-1", (), 0)


def account(*texts: str) -> Account:
    return Account(logs=tuple(map(log, texts)))


def test_a_run_in_which_all_went_well_has_no_failures(an_outcome, a_scenario):
    assert failures_of(an_outcome(account("one\n"), function_output=("one",)), a_scenario()) == []


@pytest.mark.parametrize(("status", "fails"), [("success", 0), ("error", 0), ("timeout", 0), ("crash", 1), ("refused", 1)])
def test_a_function_may_fail_but_its_environment_may_not(an_outcome, a_result, a_scenario, status, fails):
    outcome = an_outcome(results=(a_result(), a_result(status=status, error_type="Runtime.ExitError")))
    assert (
        failures_of(outcome, a_scenario())
        == ["invocation 2: crash, Runtime.ExitError", "invocation 2: refused, Runtime.ExitError"][status == "refused" :][:fails]
    )


@pytest.mark.parametrize(
    ("more", "failures"),
    [
        ({"exit_code": 1}, ["the extension datadog-agent (life 1) ended with exit code 1"]),
        ({"exit_code": -9, "killed_by_platform": True}, ["the extension datadog-agent (life 1) did not end in time and was killed"]),
        ({"exit_code": -15, "role": "runtime"}, []),
    ],
)
def test_an_extension_must_end_by_itself_and_well(an_outcome, a_process, a_scenario, more, failures):
    assert failures_of(an_outcome(processes=(a_process(**more),)), a_scenario()) == failures


def test_a_body_that_nobody_could_read_is_a_failure(an_outcome, a_scenario):
    assert failures_of(an_outcome(Account(problems=("/api: junk",))), a_scenario()) == ["the intake could not read: /api: junk"]


def test_a_lost_line_and_a_doubled_line_are_failures():
    assert unbalanced_lines(["one", "two\n", "two\n"], account("two", "one\n", "one")) == [
        "line 'one': printed 1 times, arrived 2 times",
        "line 'two': printed 2 times, arrived 1 times",
    ]


@pytest.mark.parametrize("text", ["", "   ", '{"level": "INFO"}', ' {"a": 1}\n'])
def test_blank_lines_and_json_are_not_compared(text):
    assert unbalanced_lines([text], account()) == []


@pytest.mark.parametrize("name", ["DD_LOGS_CONFIG_PROCESSING_RULES", "DD_SERVERLESS_LOGS_ENABLED", "dd_logs_enabled"])
def test_lines_are_not_compared_where_a_setting_may_change_them(an_outcome, a_scenario, name):
    outcome = an_outcome(account(), function_output=("lost",))
    assert can_compare_lines(outcome, a_scenario())
    assert not can_compare_lines(outcome, a_scenario(**{name: "x"}))
    assert failures_of(outcome, a_scenario(**{name: "x"})) == []


def test_lines_are_not_compared_where_not_all_are_known(an_outcome, a_scenario):
    assert not can_compare_lines(an_outcome(notes=("3 function lines forgotten: over 9 bytes",)), a_scenario())
    assert not can_compare_lines(attrs.evolve(an_outcome(), account=None), a_scenario())
    assert not can_compare_lines(an_outcome(), attrs.evolve(a_scenario(), extension=None))
