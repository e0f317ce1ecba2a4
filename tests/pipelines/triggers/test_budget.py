from pipelines.triggers.budget import INNER_CHARS_MAX, SEARCHED_CHARS_MAX, WHITE_CHARS_MAX, Budget

MARKS = ("mark", "other")


def test_a_text_is_worth_parsing_if_it_begins_as_an_object_and_has_a_mark():
    budget = Budget()
    assert budget.search('{"other"', MARKS)
    assert budget.search(" " * (WHITE_CHARS_MAX - 1) + "{mark", MARKS)
    assert not budget.search(" " * WHITE_CHARS_MAX + "{mark", MARKS)
    assert not budget.search('["mark"]', MARKS)
    assert not budget.search('{"none"', MARKS)
    assert not budget.search("", MARKS)
    assert not budget.refused


def test_searching_has_an_end():
    budget = Budget()
    text = "{" + "x" * (INNER_CHARS_MAX - 1)
    for _ in range(SEARCHED_CHARS_MAX // INNER_CHARS_MAX):
        assert not budget.search(text, MARKS)
        assert not budget.refused
    assert not budget.search(text, MARKS)
    assert budget.refused


def test_parsing_has_an_end():
    budget = Budget()
    assert budget.take(INNER_CHARS_MAX - 1)
    assert budget.take(1)
    assert not budget.refused
    assert not budget.take(1)
    assert budget.refused


def test_what_is_too_large_to_be_parsed_is_not_searched():
    budget = Budget()
    assert not budget.search("{mark" + "x" * INNER_CHARS_MAX, MARKS)
    assert budget.refused


def test_texts_that_are_no_objects_cost_nothing():
    budget = Budget()
    assert not budget.search("x" * (SEARCHED_CHARS_MAX + 1), MARKS)
    assert not budget.refused
    assert budget.search("{mark", MARKS)
