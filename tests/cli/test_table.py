import pytest

from cli.table import number, table


def test_columns_are_as_wide_as_their_widest_cell():
    assert table(("name", "ms"), [("a", "1.5"), ("longer", "12.25")]) == ["name       ms", "a         1.5", "longer  12.25"]


def test_a_column_can_be_left_aligned_and_no_line_ends_in_spaces():
    assert table(("n", "what"), [("1", "a"), ("22", "bcdef")], left=(1,)) == [" n  what", " 1  a", "22  bcdef"]


def test_without_rows_the_titles_stand_alone():
    assert table(("a", "b"), []) == ["a  b"]


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (1.25, "1.2"), (0.0, "0.0"), (1234.56, "1234.6")])
def test_a_number_has_one_decimal_and_nothing_is_a_dash(value, text):
    assert number(value) == text
