import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.api_key import KEY_CHARACTERS_MAX, Failure, clean_key, doubt, is_header_safe

KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (KEY, KEY),
        (" 32alxcxf\n", "32alxcxf"),
        ("32alxcxf\n\n", "32alxcxf"),
        ("32alxcxf\r\n", "32alxcxf"),
        ("\t32al xcxf \t", "32alxcxf"),
        ("32al\txcxf", "32alxcxf"),
        ('"32alxcxf"', "32alxcxf"),
        ("'32alxcxf'\n", "32alxcxf"),
        ('" 32alxcxf "', "32alxcxf"),
        ('"', '"'),
        ("\"32alxcxf'", "\"32alxcxf'"),
        ("x" * KEY_CHARACTERS_MAX, "x" * KEY_CHARACTERS_MAX),
    ],
)
def test_what_copying_adds_is_taken_away(raw, key):
    assert clean_key(raw) == key


@pytest.mark.parametrize("raw", ["", " ", "   \n", '""', "' '", "\r\n\t"])
def test_what_is_empty_then_is_no_key(raw):
    assert clean_key(raw) == Failure("API key has invalid format: it is empty")


@pytest.mark.parametrize(
    "raw", ["secret\nb", "secret\rb", "secret\x00", "secret\x7f", "sécret", "secret\u200b", "secret\x85", "sec\u00a0ret"]
)
def test_a_key_that_no_header_may_hold_is_refused_without_being_shown(raw):
    assert clean_key(raw) == Failure("API key has invalid format: it holds characters that no HTTP header may hold")


def test_a_key_that_is_far_too_long_is_refused():
    assert isinstance(clean_key("x" * (KEY_CHARACTERS_MAX + 1)), Failure)


@given(st.text(max_size=60))
def test_a_cleaned_key_is_a_headers_value_and_cleaning_it_again_changes_no_more_than_quotes(raw):
    key = clean_key(raw)
    if isinstance(key, str):
        assert key
        assert is_header_safe(key)
        assert not set(key) & set(" \t\r\n")
    else:
        assert not key.transient


@pytest.mark.parametrize(
    ("key", "word"),
    [
        (KEY, ""),
        (KEY.upper(), ""),
        ("anything-else", ""),
        ("arn:aws:secretsmanager:us-east-1:1:secret:a", "ARN"),
        ("0123456789" * 4, "application key"),
        ('{"other_key":"abc"}', "JSON"),
    ],
)
def test_frequent_mistakes_are_recognised_and_not_quoted(key, word):
    words = doubt(key)
    assert bool(words) == bool(word)
    assert word in words
    assert key not in words
