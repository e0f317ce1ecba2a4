"""One pass over SQL: its effort is bounded whatever the text. What comes of the tokens stands in test_sql.py, row by row."""

import pytest

from pipelines.traces.obfuscate.sql_reading import SCANS_MAX, Reading, begins_name

TANGLED = ("\\'b ", "'\\'b ", "'\\''x", "'\\'\\''b", "$a$", "$ab$c", "$a\n", "{'", "'a'b", "as 'a'b ")


@pytest.mark.parametrize("piece", TANGLED)
@pytest.mark.parametrize("dialect", ["generic", "mssql", "postgresql"])
def test_what_is_looked_at_again_is_counted_and_ends(piece, dialect):
    text = piece * (8192 // len(piece))
    reading = Reading(text, dialect, is_cut=False)
    assert reading.effort == SCANS_MAX * len(text)
    reading.run()
    assert reading.effort >= -2 * len(text), "the last look may go over the bound, no other follows it"


def test_where_the_effort_is_used_up_the_rest_is_one_placeholder():
    text = "'" + "\\'b " * 1000 + "SECRET"
    reading = Reading(text, "generic", is_cut=False)
    reading.run()
    assert reading.effort < 0
    assert reading.out.text().endswith("?")
    assert "SECRET" not in reading.out.text()


@pytest.mark.parametrize(
    ("text", "result"),
    [("a 'it\\'s SECRET", "a ?"), ("a $t$ SECRET", "a ?"), ("a { SECRET", "a ?"), ('a = " SECRET', "a = ?"), ("a 'b'c", "a ? c")],
)
def test_of_a_text_that_was_cut_nothing_is_kept_that_the_rest_might_have_closed(text, result):
    reading = Reading(text, "generic", is_cut=True)
    reading.run()
    assert reading.out.text() == result


@pytest.mark.parametrize(
    ("character", "begins"), [("a", True), ("_", True), ('"', True), ("[", True), ("é", True), ("1", False), ("", False)]
)
def test_what_a_name_begins_with(character, begins):
    assert begins_name(character) is begins
