import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.config.reading import BadValue, Reading
from reactor.config.strategy import DEFAULT, END, KINDS, parse_strategy


@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        ("end", ("end", 900_000)),
        ("end,1000", ("end_periodically", 1000)),
        ("periodically,60000", ("periodically", 60_000)),
        ("continuously,2000", ("continuously", 2000)),
        ("end,1000,foo", ("end_periodically", 1000)),
        ("default", ("default", 60_000)),
        ("", ("default", 60_000)),
    ],
)
def test_strategies(text, strategy):
    assert parse_strategy(text, Reading(native=False)) == strategy


@pytest.mark.parametrize(
    "text",
    [
        "periodically",
        "continuously",
        "periodically,abc",
        "end,abc",
        "periodically, 1000",
        "End",
        "garbage",
        "123",
        "true",
        "end,",
        f"end,{2**64}",
        "end,-1",
        "end,²",
    ],
)
def test_what_is_no_strategy_is_refused(text):
    with pytest.raises(BadValue, match="not a strategy"):
        parse_strategy(text, Reading(native=False))


@pytest.mark.parametrize("text", ["periodically,0", "end,0", "continuously,00"])
def test_an_interval_of_zero_is_refused(text):
    # Better: the reference aborts at start.
    with pytest.raises(BadValue, match="0 ms"):
        parse_strategy(text, Reading(native=False))


@pytest.mark.parametrize("value", [123, True, [], None])
def test_what_is_not_text_in_yaml_is_refused(value):
    with pytest.raises(BadValue, match="not a text"):
        parse_strategy(value, Reading(native=True))


@pytest.mark.parametrize(
    ("variables", "level"),
    [({"DD_SERVERLESS_FLUSH_STRATEGY": "periodically,0"}, "WARN"), ({"DD_SERVERLESS_FLUSH_STRATEGY": "123"}, "WARN")],
)
def test_a_refused_strategy_is_the_default_with_a_warning_and_nothing_else_suffers(configured, variables, level):
    settings, findings = configured(**variables, DD_ENHANCED_METRICS="false")
    assert settings.serverless_flush_strategy == DEFAULT
    assert settings.enhanced_metrics is False
    assert [finding.level for finding in findings] == [level]


@given(word=st.sampled_from(sorted(KINDS)), interval_ms=st.integers(1, 2**64 - 1))
def test_what_is_written_is_what_is_read(word, interval_ms):
    assert parse_strategy(f"{word},{interval_ms}", Reading(native=False)) == (KINDS[word], interval_ms)


@given(st.text())
def test_any_text_is_a_strategy_or_refused(text):
    try:
        kind, interval_ms = parse_strategy(text, Reading(native=False))
    except BadValue:
        return
    assert interval_ms > 0
    assert kind in (*KINDS.values(), DEFAULT[0], END[0])
