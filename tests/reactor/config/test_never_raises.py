"""Whatever stands in the environment and the file: settings come out, every field has a value, nothing raises, nothing leaks."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.config.load import load
from reactor.config.settings import SETTINGS
from reactor.config.values import Settings

NAMES = [f"{prefix}{name}" for row in SETTINGS for name in row.env for prefix in ("DD_", "DATADOG_", "dd_")]
NAMES += ["HTTPS_PROXY", "NO_PROXY", "LAMBDA_TASK_ROOT", "DD_", "DATADOG_", "DD_SITEE", "", "=", "\udc80"]
PIECES = [
    "true",
    "1",
    "0",
    "-1",
    "1.5",
    "end",
    ",",
    ":",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    " ",
    "\n",
    "\\",
    "https://",
    "a.b",
    ":443",
    "/",
    "@",
    "%",
    "é",
    "\udc80",
    "\x00",
]
PIECES += [
    "9" * 30,
    "1e999",
    "nan",
    "::1",
    "[::1]",
    "..",
    "datadog",
    "null",
    "x" * 70,
    '"api_key"',
    "&a",
    "*a",
    "- ",
    "? ",
    "!!",
    "|",
    "~",
    "#",
    "\t",
]
PATHS = sorted({part for row in SETTINGS for path in row.yaml for part in path.split(".")})

TEXTS = st.text(alphabet=st.characters(codec=None), max_size=30) | st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
ENVIRONMENTS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=10), TEXTS, max_size=8)
YAML_LINES = st.builds("{}{}: {}".format, st.sampled_from(["", "  ", "    "]), st.sampled_from(PATHS), TEXTS)
YAML_TEXTS = st.none() | TEXTS | st.lists(YAML_LINES, max_size=8).map("\n".join)


def check(env: dict[str, str], yaml_text: str | None) -> None:
    result, findings = load(env, yaml_text)
    assert isinstance(result, Settings)
    assert all(finding.level in ("ERROR", "WARN") and finding.line().isprintable() for finding in findings)
    assert not any(finding.reason.startswith("the parser failed") for finding in findings)
    for url in result.intake_urls.values():
        assert url.isascii()
        assert url.startswith(("http://", "https://"))
    repr(result)


@settings(max_examples=300, deadline=None)
@given(ENVIRONMENTS, YAML_TEXTS)
def test_any_environment_and_any_file_give_settings(env, yaml_text):
    check(env, yaml_text)


def seeded_case(random_: random.Random) -> tuple[dict[str, str], str | None]:
    def text() -> str:
        return "".join(random_.choice(PIECES) for _ in range(random_.randrange(6)))

    env = {random_.choice(NAMES): text() for _ in range(random_.randrange(5))}
    lines = [f"{'  ' * random_.randrange(3)}{random_.choice(PATHS)}: {text()}" for _ in range(random_.randrange(5))]
    return env, "\n".join(lines) if lines else None


def fuzz(cases: int, seed: int) -> None:
    random_ = random.Random(seed)
    for number in range(cases):
        env, yaml_text = seeded_case(random_)
        try:
            check(env, yaml_text)
        except Exception as error:
            raise AssertionError(f"seed {seed}, case {number}: {env!r} {yaml_text!r}") from error


def test_a_thousand_seeded_cases_give_settings():
    fuzz(1_000, seed=1)


@pytest.mark.long
def test_a_hundred_thousand_seeded_cases_give_settings():
    fuzz(100_000, seed=2)
