import re

import pytest

from fsm.draw import name_of
from fsm.draw_markdown import meaning, to_markdown
from fsm.draw_mermaid import to_mermaid
from fsm.machines import MACHINES


@pytest.fixture(params=list(MACHINES))
def table(request):
    return MACHINES[request.param]


def grid(page, head):
    """The cells of the table that begins with this head, without code marks."""
    rows = page.split(f"| {head} |\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [tuple(cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", row)[1:-1]) for row in rows]


def test_a_page_names_every_row_in_the_order_in_which_it_is_tried(table):
    rows = grid(to_markdown(table), "state | event | guard | next state | action")
    expected = []
    for state in table.states:
        for (source, kind), cell in table.rows.items():
            if source is state:
                for row in cell:
                    guard = name_of(row.guard) or ("else" if len(cell) > 1 else "")
                    target = "same" if row.target is state else str(row.target)
                    expected.append((str(state), kind.__name__, guard, target, name_of(row.action)))
    assert rows == expected


def test_a_page_says_what_is_ignored_and_why(table):
    page = to_markdown(table)
    rows = grid(page, "state | event | why") if table.ignored else []
    assert sorted(rows) == sorted((str(state), kind.__name__, reason) for (state, kind), reason in table.ignored.items())
    assert ("These are expected" in page) == bool(table.ignored)
    assert "counted as unexpected" in page


def test_a_page_explains_every_event(table):
    rows = grid(to_markdown(table), "event | what has happened")
    assert [name for name, _ in rows] == sorted(kind.__name__ for kind in table.events)
    assert all(text for _, text in rows)


def test_a_page_holds_the_diagram_and_links_the_picture(table):
    page = to_markdown(table, "What it is for.", "there.svg")
    assert page.startswith(f"# The machine `{table.name}`\n\nWhat it is for.\n")
    assert f"```mermaid\n{to_mermaid(table)}```" in page
    assert "(there.svg)" in page


def test_a_page_without_a_picture_links_none(table):
    assert ".svg" not in to_markdown(table)


def test_a_table_has_as_many_cells_in_every_row(table):
    for block in to_markdown(table).split("\n\n"):
        if block.startswith("| "):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def documented():
    """The first paragraph,
    on two lines.

    And a second.
    """


def test_the_meaning_is_the_first_paragraph_on_one_line():
    assert meaning(documented) == "The first paragraph, on two lines."
    assert meaning(name_of) != ""
    assert meaning(lambda: None) == ""
