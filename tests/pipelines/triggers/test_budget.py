import json

import pytest

from pipelines.triggers.budget import INNER_CHARS_MAX, INNER_VALUES_MAX, SEARCHED_CHARS_MAX, WHITE_CHARS_MAX, Budget, values_in

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


@pytest.mark.parametrize("value", ["1", "[]", "{}", '{"a":1}', '"x"', "null"])
def test_a_text_of_too_many_values_is_not_parsed_however_short(value):
    budget = Budget()
    text = '{"all":[' + ",".join([value] * (INNER_VALUES_MAX + 1)) + "]}"
    assert len(text) < INNER_CHARS_MAX
    assert not budget.take_json(text)
    assert budget.refused


def test_values_are_counted_over_all_texts_of_an_event():
    budget = Budget()
    text = json.dumps({"all": [1] * (INNER_VALUES_MAX // 2 - 2)})
    assert budget.take_json(text)
    assert budget.take_json(text)
    assert not budget.take_json(text)


def test_what_is_refused_makes_the_next_count_shorter_and_others_may_still_be_parsed():
    budget = Budget()
    assert not budget.take_json("[" * (INNER_VALUES_MAX + 1))
    assert not budget.take_json("[" * (INNER_VALUES_MAX // 2 + 1))
    assert budget.take_json('{"a":1}')
    for _ in range(20):
        budget.take_json("[" * INNER_VALUES_MAX)
    assert not budget.take_json('{"a":1}')


def test_commas_within_a_text_are_no_values():
    """A table of 50,000 cells, with all that needs an escape."""
    text = json.dumps({"TopicArn": "a", "Message": '1,2,[{\\"\n' * 16_000})
    assert values_in(text.replace('\\"', ""), INNER_VALUES_MAX) == 2
    assert Budget().take_json(text.replace('\\"', ""))


@pytest.mark.parametrize("document", [{}, {"a": [1, 2, {"b": None}], "c": "d,e"}, {"a": {}, "b": [[], []]}])
def test_at_least_as_many_are_counted_as_there_are(document):
    assert values_in(json.dumps(document), 99) >= number_of(document) - 1


def number_of(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(number_of, inner))
