import argparse
from pathlib import Path

import pytest

from cli import diagram
from fsm.draw_dot import to_dot
from fsm.draw_mermaid import to_mermaid
from fsm.machines import MACHINES

DOCS = Path(__file__).parents[2] / "docs" / "machines"


def run(*words):
    parser = argparse.ArgumentParser("lambda-reactor")
    diagram.register(parser.add_subparsers())
    args = parser.parse_args(["diagram", *words])
    return args.run(args)


def test_without_a_machine_they_are_listed_with_a_line_each(capsys):
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(MACHINES)
    assert all(len(line.split(maxsplit=1)[1]) > 20 for line in lines)


def test_a_machine_is_drawn_for_mermaid_by_default(capsys):
    assert run("flush") == 0
    assert capsys.readouterr().out == to_mermaid(MACHINES["flush"])


@pytest.mark.parametrize(
    ("wanted", "begins"),
    [("mermaid", "stateDiagram-v2\n"), ("dot", 'digraph "delivery" {'), ("svg", "<svg "), ("markdown", "# The machine `delivery`\n")],
)
def test_each_format_can_be_asked_for(capsys, wanted, begins):
    assert run("delivery", "--format", wanted) == 0
    assert capsys.readouterr().out.startswith(begins)


def test_a_drawing_can_go_to_a_file(capsys, tmp_path):
    assert run("flush", "--format", "dot", "-o", str(tmp_path / "flush.dot")) == 0
    assert (tmp_path / "flush.dot").read_text() == to_dot(MACHINES["flush"])
    assert capsys.readouterr().out == ""


def test_an_unknown_machine_is_refused_with_the_list(capsys):
    assert run("lifecycle") == 2
    assert capsys.readouterr().err == f"lambda-reactor diagram: no machine 'lifecycle'; there are: {', '.join(MACHINES)}\n"


def test_an_unknown_format_is_refused(capsys):
    with pytest.raises(SystemExit) as left:
        run("flush", "--format", "png")
    assert left.value.code == 2
    assert "svg" in capsys.readouterr().err


def test_all_gives_a_picture_and_a_page_of_each(tmp_path):
    assert run("all", "--output", str(tmp_path / "machines")) == 0
    assert {path.name for path in (tmp_path / "machines").iterdir()} == {
        f"{name}.{ending}" for name in MACHINES for ending in ("svg", "md")
    }


def test_all_in_one_format_gives_only_that(tmp_path):
    assert run("all", "--format", "mermaid", "--output", str(tmp_path)) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.mmd" for name in MACHINES}


def test_all_needs_a_directory(capsys):
    assert run("all") == 2
    assert "--output" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_an_error(capsys, tmp_path):
    assert run("flush", "-o", str(tmp_path)) == 1
    assert "cannot write" in capsys.readouterr().err


def test_the_help_teaches(capsys):
    with pytest.raises(SystemExit):
        run("--help")
    text = capsys.readouterr().out
    assert "examples:" in text
    assert all(name in text for name in MACHINES)


def test_the_documentation_is_what_the_tables_say(tmp_path):
    """If this fails: `lambda-reactor diagram all --output docs/machines`, and look at what changed."""
    run("all", "--output", str(tmp_path))
    fresh = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: (DOCS / name).read_bytes() for name in fresh} == fresh
    assert {path.name for path in DOCS.iterdir()} == {*fresh, "coverage.md"}  # which tests/replay holds fresh


def test_the_readme_shows_what_the_table_says(capsys):
    run("flush")
    readme = (DOCS.parents[1] / "README.md").read_text()
    assert f"```mermaid\n{capsys.readouterr().out.rstrip()}\n```" in readme
