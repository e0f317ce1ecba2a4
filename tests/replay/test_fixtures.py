"""The recorded runs, through the very agent that runs in the layer: same bytes, nothing unexpected, every row walked.

If the agent has changed on purpose: `python -m fixtures.record --expect`, and look at what changed.
"""

import re

import pytest

from fixtures import coverage, record
from fixtures.runs import RUNS
from protocols.fixture import lives

FIXTURES = record.recorded()
NAMES = [path.stem for path in FIXTURES]
FILE_BYTES_MAX, ALL_BYTES_MAX = 200_000, 1_500_000


@pytest.fixture(scope="module")
def walked():
    return {path.stem: coverage.rows_walked(path) for path in FIXTURES}


@pytest.mark.parametrize("path", FIXTURES, ids=NAMES)
def test_a_replay_prints_what_is_expected_the_second_time_too(path):
    first = record.account_of(path)
    assert first == record.expected_path(path).read_text(encoding="utf-8")
    assert record.account_of(path) == first


@pytest.mark.parametrize("path", FIXTURES, ids=NAMES)
def test_a_replay_ends_well(path):
    expected = record.expected_path(path).read_text(encoding="utf-8")
    assert expected.endswith("exit code of the replay: 0\n")
    assert "NOT EXPECTED" not in expected
    assert "STUCK" not in expected


def test_there_is_an_expectation_for_each_and_no_other():
    assert {path.stem for path in record.EXPECTED.iterdir()} == set(NAMES)


def test_every_run_of_the_table_is_recorded_and_every_other_says_that_it_is_made():
    assert {name for name in NAMES if not name.startswith("made-")} == {run.name for run in RUNS}


@pytest.mark.parametrize("path", FIXTURES, ids=NAMES)
def test_a_fixture_says_what_it_shows_and_nothing_of_the_machine_that_made_it(path):
    text = path.read_text(encoding="utf-8")
    with path.open("rb") as lines:
        headers = [header for header, _ in lives(lines, path.name)]
    assert all(header.name == path.stem and header.text.endswith(".") for header in headers)
    assert all("ade " in header.text for header in headers) or not path.stem.startswith("made-")
    assert not re.search(r"/home/|/root|/usr/|/tmp/|\.pyenv|site-packages|PYTHONPATH|API_KEY", text)


def test_the_fixtures_are_small():
    sizes = [path.stat().st_size for path in FIXTURES]
    assert max(sizes) < FILE_BYTES_MAX
    assert sum(sizes) < ALL_BYTES_MAX


def test_every_row_of_every_table_is_walked_by_a_fixture(walked):
    rows = set().union(*walked.values())
    assert [key for key, _ in coverage.all_rows() if key not in rows and not coverage.why_unwalked(key)] == []


def test_no_row_is_excused_that_a_fixture_walks(walked):
    rows = set().union(*walked.values())
    assert [key for key in rows if coverage.why_unwalked(key)] == []


def test_every_excuse_is_for_rows_that_there_are():
    excused = {coverage.why_unwalked(key) for key, _ in coverage.all_rows()}
    assert {why for *_, why in coverage.UNWALKED} <= excused


def test_a_row_is_walked_by_runs_of_real_functions_in_all_main_states(walked):
    rows = set().union(*(rows for name, rows in walked.items() if not name.startswith("made-")))
    states = {(machine, state) for machine, state, _, _ in rows}
    assert {state for machine, state in states if machine == "on_demand"} >= {
        "INIT.ready",
        "INVOKE.wait",
        "INVOKE.flush_first",
        "RUNTIME_DONE.settle",
        "RUNTIME_DONE.flush",
        "REPORT.running",
        "REPORT.idle",
        "SHUTDOWN.drain",
        "SHUTDOWN.flush",
        "SHUTDOWN.spool",
    }


def test_the_page_of_rows_is_fresh():
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page()
