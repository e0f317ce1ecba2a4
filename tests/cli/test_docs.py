"""What the pages say can be typed, parsed and followed."""

import argparse
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from cli.emulate import add_arguments
from cli.main import COMMANDS, build_parser
from emulator.faults import KINDS, parse_fault
from emulator.misbehaviour import parse_misbehaviour, parse_script
from protocols.fixture import KINDS as FIXTURE_KINDS
from protocols.fixture import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def commands(page: str) -> list[list[str]]:
    """What a page shows to be typed, in indented lines; what stands after two spaces explains it."""
    lines = [line.strip() for line in text(page).splitlines() if line.startswith("    lambda-reactor ")]
    return [shlex.split(line.partition("  ")[0])[1:] for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    dead = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / target).exists()]
    assert dead == []


@pytest.mark.parametrize("page", ["README.md", "docs/emulator.md"])
def test_every_command_that_is_shown_can_be_typed(page):
    shown = commands(page)
    assert shown
    for name, *arguments in shown:
        assert name in COMMANDS
        if name != "record":
            build_parser(name).parse_args([name, *arguments])
        else:
            rest = argparse.ArgumentParser()
            add_arguments(rest)
            rest.parse_args(arguments[arguments.index("--") + 1 :])


def test_the_readme_begins_with_exactly_two_commands():
    shown = [line.strip() for line in text("README.md").partition("\n## ")[0].splitlines() if line.startswith("    ")]
    assert shown == ["make -f layer.mk demo", "make -f layer.mk test"]


def test_every_target_that_a_page_names_is_in_the_makefile():
    named = {target for page in PAGES for target in re.findall(r"make -f layer\.mk ([a-z]+)", page.read_text(encoding="utf-8"))}
    asked = subprocess.run(["make", "-f", "layer.mk", "-pn", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    targets = set(re.findall(r"^([a-z]+):", asked, re.MULTILINE))
    assert named
    assert named <= targets


def test_ci_runs_what_the_readme_says():
    assert "make -f layer.mk test" in text(".ci/run")


def test_the_page_on_the_emulator_has_every_fault_and_each_can_be_parsed():
    section = text("docs/emulator.md").partition("## Faults of the platform")[2].partition("## Misbehaviour")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    faults = [parse_fault(each) for row in rows for each in re.findall(r"`([^`]+)`", row)]
    assert {fault.kind for fault in faults} == set(KINDS)


def test_the_page_on_the_emulator_has_clauses_that_can_be_parsed():
    section = text("docs/emulator.md").partition("## Misbehaviour")[2].partition("## From Python")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    clauses = [(parse_misbehaviour(each), row[2]) for row in rows for each in re.findall(r"`([^`]+)`", row[0])]
    assert {clause.what for clause, _ in clauses} == {"status", "delay", "slow", "hang", "drop", "drop-after-read", "half", "reset"}
    for clause, taken in clauses:
        assert clause.what == "status" or clause.keeps_the_data == taken.startswith("yes")
    for script in re.findall(r'--intake-script "([^"]+)"', section):
        assert parse_script(script)


def test_the_page_on_fixtures_has_every_field_and_its_example_can_be_read():
    page = text("docs/fixtures.md")
    for kind, fields in FIXTURE_KINDS.items():
        assert f"| `{kind}` |" in page
        assert all(f"| `{field}` |" in page for field in fields)
    lines = [line.strip() for line in page.splitlines() if line.startswith('    {"')]
    header, told = parse(lines, "docs/fixtures.md")
    assert header.name == "one"
    assert len(list(told)) == len(lines) - 1 > 5


def test_the_page_on_dependencies_has_every_package_that_is_asked_for():
    import tomllib

    project = tomllib.loads(text("pyproject.toml"))
    asked = [*project["project"]["dependencies"], *(each for group in project["dependency-groups"].values() for each in group)]
    names = {re.split(r"[<>=!; ]", each)[0] for each in asked}
    page = text("docs/dependencies.md")
    rows = " ".join(line.split(" | ")[0] for line in page.splitlines() if line.startswith("| "))
    assert {name for name in names if name not in re.findall(r"[a-z0-9.-]+", rows)} == set()
