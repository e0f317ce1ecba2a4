import pytest

from reactor.config.load import load
from reactor.config.resolution import SHOWN_CHARACTERS_MAX, masked, shown_value
from reactor.config.values import Settings


def test_settings_cannot_be_changed(sound):
    settings = sound()
    with pytest.raises(AttributeError, match="frozen: site"):
        settings.site = "other"
    with pytest.raises(AttributeError, match="frozen"):
        del settings.site
    with pytest.raises(AttributeError):
        settings.unknown = 1


def test_evolve_gives_a_changed_copy(sound):
    settings = sound()
    changed = settings.evolve(env="prod")
    assert (changed.env, settings.env) == ("prod", None)
    assert changed != settings
    assert changed.evolve(env=None) == settings


def test_a_missing_or_unknown_field_is_refused(sound):
    with pytest.raises(TypeError, match="colour"):
        sound().evolve(colour="red")
    with pytest.raises(TypeError, match="site"):
        Settings()


def test_repr_shows_what_differs_and_no_secret():
    settings, _ = load({"DD_API_KEY": "topsecret", "DD_ENV": "prod"}, None)
    assert "env=prod" in repr(settings)
    assert "api_key=set (9 characters)" in repr(settings)


@pytest.mark.parametrize(
    ("value", "text"),
    [("", "not set"), (None, "not set"), ("abcd", "set (4 characters)"), ((1, 2), "set (2 entries)"), ({}, "not set"), (7, "set")],
)
def test_a_secret_shows_its_length(value, text):
    assert masked(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", "not set"),
        ("http://user:pass@host:1", "http://***@host:1"),
        ("user:pass@host:1", "***@host:1"),
        ("two\nlines", "'two\\nlines'"),
        ("\udc80", "'\\udc80'"),
        (0, "0"),
        (False, "False"),
    ],
)
def test_a_value_for_human_eyes(value, text):
    assert shown_value(value) == text


def test_a_long_value_is_cut():
    assert shown_value("x" * 1000) == "x" * SHOWN_CHARACTERS_MAX + "... (1000 characters)"
