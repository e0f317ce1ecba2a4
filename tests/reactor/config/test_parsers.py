"""Table tests of specification, configuration 2 and 3. Where a row departs from the reference, it says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.config import parsers as p
from reactor.config.reading import ERROR, UNSET, WARN, BadValue, Reading
from reactor.config.settings import SETTINGS
from reactor.config.yaml_source import parse_document

BAD = "bad"


def parse(parser, value, native=False):
    """The value, or BAD; notes are asserted elsewhere."""
    try:
        return parser(value, Reading(native))
    except BadValue:
        return BAD


def notes(parser, value, native=False):
    reading = Reading(native)
    parser(value, reading)
    return reading.notes


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("abc", "abc"),
        ("", ""),
        ("  leading", "leading"),
        ("123", "123"),  # better: the reference ignores numbers for text settings
        ("true", "true"),  # better: as above
        ('"abc"', "abc"),
        ("'x'", "x"),
        ("'xy'", "'xy'"),
        ('"', '"'),
        ("a:b,c:d", "a:b,c:d"),
        ('{"a": 1}', '{"a": 1}'),
    ],
)
def test_text_of_a_variable_is_kept_as_written(raw, text):
    assert parse(p.parse_text, raw) == text


@pytest.mark.parametrize("value", [True, [], {}])
def test_text_of_yaml_must_be_text(value):
    assert parse(p.parse_text, value, native=True) == BAD


@pytest.mark.parametrize("written", ["12345678901234567890123456789012", "007", "1.10", "1e5"])
def test_a_number_of_yaml_is_the_text_it_was_written_as(written):
    # Better: the reference ignores it, with the key that it was.
    document, _ = parse_document(f"api_key: {written}\n")
    assert parse(p.parse_text, document["api_key"], native=True) == written


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("123", "123"),
        ("1.10", "1.10"),  # better: the reference makes 1.1 of it
        ("007", "007"),  # better: 7 in the reference
        ("true", "true"),  # better: ignored in the reference
        ("", UNSET),
        ("   ", UNSET),
        ('""', UNSET),
    ],
)
def test_text_or_number_keeps_the_text(raw, text):
    assert parse(p.parse_text_or_number, raw) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", True),
        ("false", False),
        (" true ", True),
        ("1", True),
        ("0", False),
        ("1.0", True),
        ("0.0", False),
        ('"1"', True),
        ("TRUE", True),
        ("yes", True),  # better: the next eight are refused by the reference
        ("no", False),
        ("on", True),
        ("off", False),
        ("t", True),
        ("f", False),
        ("Y", True),
        ("N", False),
        ("2", BAD),
        ("not-a-bool", BAD),
        ("", BAD),
        ("truee", BAD),
    ],
)
def test_booleans_of_variables(value, expected):
    assert parse(p.parse_bool, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (False, False), (1, True), (0, False), (1.0, True), ("true", True), (2, BAD), (0.5, BAD), ([], BAD)],
)
def test_booleans_of_yaml(value, expected):
    assert parse(p.parse_bool, value, native=True) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("42", 42),
        ("007", 7),
        ("+3", 3),
        (" 5 ", 5),
        ("-1", BAD),
        ("1.0", BAD),
        ('"10"', BAD),
        ("not_a_number", BAD),
        ("1_0", BAD),
        ("٣", BAD),
        ("²", BAD),
        ("", BAD),
        ("+", BAD),
        (str(2**64 - 1), 2**64 - 1),
        (str(2**64), BAD),
        ("9" * 5000, BAD),
    ],
)
def test_unsigned_integers_of_variables(value, expected):
    assert parse(p.parse_unsigned, value) == expected


@pytest.mark.parametrize(("value", "expected"), [(3, 3), (True, BAD), (1.0, BAD), ("10", BAD), (-1, BAD)])
def test_unsigned_integers_of_yaml(value, expected):
    assert parse(p.parse_unsigned, value, native=True) == expected


@pytest.mark.parametrize(
    ("parser", "value", "expected"),
    [
        (p.parse_i32, "-3", -3),
        (p.parse_i32, str(2**31), BAD),
        (p.parse_u32, str(2**32 - 1), 2**32 - 1),
        (p.parse_u32, str(2**32), BAD),
        (p.parse_positive, "0", BAD),
        (p.parse_size, "0", BAD),
        (p.parse_size, str(2**40), 2**31 - 1),
        (p.parse_timeout_s, "0", BAD),
        (p.parse_timeout_s, "10", 10),
        (p.parse_compression_level, "22", 22),
        (p.parse_compression_level, "50", 22),
        (p.parse_compression_level, "-5", -5),
        (p.parse_grpc_mib, "0", 4),
        (p.parse_grpc_mib, "-3", 4),
        (p.parse_grpc_mib, "1", 1),
        (p.parse_grpc_mib, "50", 50),
        (p.parse_grpc_mib, "51", 50),
        (p.parse_grpc_mib, "many", BAD),
    ],
)
def test_bounded_integers(parser, value, expected):
    assert parse(parser, value) == expected


@pytest.mark.parametrize(("parser", "value", "level"), [(p.parse_grpc_mib, "51", ERROR), (p.parse_compression_level, "50", WARN)])
def test_a_limit_that_takes_over_is_noted(parser, value, level):
    assert [note[0] for note in notes(parser, value)] == [level]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", 1.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("0", 0.0),
        ("-1", BAD),
        ("-1.5", BAD),
        ("inf", BAD),
        ("nan", BAD),
        ("1_0", BAD),
        ("1e400", BAD),
        ("", BAD),
        ("e", BAD),
    ],
)
def test_seconds(value, expected):
    assert parse(p.parse_seconds, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(1, 1.0), (1.5, 1.5), (True, BAD), (float("nan"), BAD), (float("inf"), BAD), (10**400, BAD), ("1", BAD)]
)
def test_seconds_of_yaml(value, expected):
    assert parse(p.parse_seconds, value, native=True) == expected


@pytest.mark.parametrize(("value", "expected"), [("1", 1.0), ("5", 5.0), ("0", UNSET), ("0.5", UNSET), ("-1", BAD)])
def test_seconds_below_one_are_unset_where_zero_means_off(value, expected):
    assert parse(p.parse_seconds_zero_unset, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("start,END", ("start", "end")),
        ("report , init_start", ("report", "init_start")),
        ("middle", UNSET),
        ("start,middle", ("start",)),
        ("", UNSET),
    ],
)
def test_kinds_of_platform_lines(value, expected):
    assert parse(p.parse_line_kinds, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("debug:0.1,INFO:0.5", {"debug": 0.1, "info": 0.5}),
        ("debug:2,info:1", {"info": 1.0}),
        ("loud:0.5", UNSET),
        ("debug", UNSET),
        ("", UNSET),
    ],
)
def test_shares_by_status(value, expected):
    assert parse(p.parse_shares, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a,b", ("a", "b")),
        (" a , ,b ", ("a", "b")),
        ("1", ("1",)),  # better: this and the next void the whole group in the reference
        ("true", ("true",)),
        ("[a,b]", ("a", "b")),
        ("", UNSET),
        (" , ", UNSET),
    ],
)
def test_comma_lists_of_variables(value, expected):
    assert parse(p.parse_comma_list, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(["a", "b"], ("a", "b")), ("a,b", ("a", "b")), (["a", 1], ("a",)), (12345, BAD), ({}, BAD), ([], UNSET)]
)
def test_comma_lists_of_yaml(value, expected):
    assert parse(p.parse_comma_list, value, native=True) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("env:production service:api", (("env", "production"), ("service", "api"))),
        ("key", (("key", None),)),
        ("key:", (("key", None),)),
        (":v", UNSET),
        ("a:b:c\td", (("a", "b:c"), ("d", None))),
        ("1", (("1", None),)),  # better: voids the group in the reference
        ("  ", UNSET),
    ],
)
def test_filter_tags(value, expected):
    assert parse(p.parse_filter_tags, value) == expected


THREE = {"team": "serverless", "env": "prod", "version": "1.0"}


@pytest.mark.parametrize(
    ("value", "expected", "skipped"),
    [
        ("team:serverless,env:prod,version:1.0", THREE, 0),
        ("team:serverless env:prod version:1.0", THREE, 0),
        ("team:serverless  env:prod   version:1.0", THREE, 0),
        ("team:serverless,env:prod version:1.0", THREE, 0),
        ("123", UNSET, 1),
        (":value,valid:tag", {"valid": "tag"}, 1),
        ("key:,valid:tag", {"valid": "tag"}, 1),
        (
            "git.repository_url:https://gitlab.example.com/a/b.git,env:prod",
            {"git.repository_url": "https://gitlab.example.com/a/b.git", "env": "prod"},
            0,
        ),
        ("url:https://x:8080", {"url": "https://x:8080"}, 0),
        ("no-colon", UNSET, 1),
        ("a:", UNSET, 1),
        (":b", UNSET, 1),
        ("a:1,a:2", {"a": "2"}, 0),
        ("[a:b]", {"a": "b"}, 0),  # better: this and the next void both groups in the reference
        ("{}", UNSET, 0),
        ("", UNSET, 0),
    ],
)
def test_pairs_of_variables(value, expected, skipped):
    reading = Reading(native=False)
    assert p.parse_pairs(value, reading) == expected
    assert [level for level, _ in reading.notes] == [WARN] * skipped


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["valid:tag", "invalid_no_colon", "another:good:value:with:colons"], {"valid": "tag", "another": "good:value:with:colons"}),
        (["a:b c, d"], {"a": "b c, d"}),
        ([1, "a:b"], {"a": "b"}),
        ([], UNSET),
        ({"old": "new", "n": 1}, {"old": "new"}),
        ("a:b", BAD),
        (5, BAD),
    ],
)
def test_pairs_of_yaml(value, expected):
    assert parse(p.parse_pairs, value, native=True) == expected


@pytest.mark.parametrize(
    ("value", "expected", "skipped"),
    [
        ("a:b:c", {"a": "b"}, 0),
        (" a : b , c:d", {"a": "b", "c": "d"}, 0),
        ("a:,:b", {"a": "", "": "b"}, 0),
        ("plain,a:b", {"a": "b"}, 1),
        ("a:b,a:c", {"a": "c"}, 0),
        ("plain", UNSET, 1),
    ],
)
def test_service_mapping(value, expected, skipped):
    reading = Reading(native=False)
    assert p.parse_service_mapping(value, reading) == expected
    assert len(reading.notes) == skipped


@pytest.mark.parametrize(
    ("value", "expected", "skipped"),
    [
        ("datadog,tracecontext", ("datadog", "tracecontext"), 0),
        (" DataDog , B3multi", ("datadog", "b3multi"), 0),
        ("datadog,datadog", ("datadog",), 0),
        ("datadog,strange", ("datadog",), 1),
        ("strange", UNSET, 1),
        ("", UNSET, 0),
    ],
)
def test_propagation_styles(value, expected, skipped):
    reading = Reading(native=False)
    assert p.parse_styles(value, reading) == expected
    assert len(reading.notes) == skipped


@pytest.mark.parametrize(("value", "expected"), [("debug", "debug"), ("WARN", "warn"), ("off", BAD), ("warning", BAD), ("", BAD)])
def test_log_levels(value, expected):
    assert parse(p.parse_log_level, value) == expected


def test_a_bad_log_level_is_an_error():
    with pytest.raises(BadValue) as caught:
        p.parse_log_level("loud", Reading(native=False))
    assert caught.value.level == ERROR


@pytest.mark.parametrize("name", ["myapp", "my_app", "my.app", "myApp123", "a1.b2_c3"])
def test_metric_namespaces_that_are_taken(name):
    assert parse(p.parse_namespace, name) == name


@pytest.mark.parametrize(("value", "expected"), [("  myapp  ", "myapp"), ("\tmyapp\n", "myapp"), ("", None), ("   ", None)])
def test_metric_namespaces_are_trimmed_and_blank_is_none(value, expected):
    assert parse(p.parse_namespace, value) == expected


@pytest.mark.parametrize(
    "name", ["1myapp", "_myapp", ".myapp", "-myapp", "my-app", "my app", "my@app", "my#app", "my$app", "my!app", "1invalid", "ärger", "my²"]
)
def test_metric_namespaces_that_are_refused(name):
    assert parse(p.parse_namespace, name) == BAD


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), ("0", False), ("whatever", True)])
def test_standalone_flag_is_false_only_for_the_words_of_false(value, expected):
    assert parse(p.parse_standalone_flag, value) is expected


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(index=st.integers(0, len(SETTINGS) - 1), value=st.text() | YAML_VALUES, native=st.booleans())
def test_a_parser_raises_nothing_but_bad_value(index, value, native):
    parse(SETTINGS[index].parse, value, native or not isinstance(value, str))
