"""The grammar, row by row (specification, metrics 2), and the number grammar against its regular expression."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import dogstatsd
from protocols.dogstatsd import (
    COUNT,
    CUT_TAGS,
    DISTRIBUTION,
    GAUGE,
    REFUSED_VALUE,
    SET,
    LineRefused,
    parse_check,
    parse_event,
    parse_line,
    parse_namespace,
    parse_number,
    prefixed,
    unique_tags,
)


def sample(kind, name, values, tags=(), rate=1.0, timestamp_s=None, notes=()):
    return kind, name, tags, values, rate, timestamp_s, notes


ACCEPTED = [
    ("test.metric:42|c", sample(COUNT, "test.metric", (42.0,))),
    ("my.metric:5:10:15|c", sample(COUNT, "my.metric", (5.0, 10.0, 15.0))),
    ("test.metric:99.5|d|#tag:val", sample(DISTRIBUTION, "test.metric", (99.5,), ("tag:val",))),
    ("ab.v:1|c|T1656581409|#env:dev,service:test", sample(COUNT, "ab.v", (1.0,), ("env:dev", "service:test"), 1.0, 1656581409)),
    ("ab.v:1|c|#env:dev,service:test|T1656581409", sample(COUNT, "ab.v", (1.0,), ("env:dev", "service:test"), 1.0, 1656581409)),
    ("page.views:15|c|#env:dev|T1656581409.123", sample(COUNT, "page.views", (15.0,), ("env:dev",), 1.0, 1656581409)),
    ("a:7|g|c:container123|T1656581409|#env:prod|@0.5", sample(GAUGE, "a", (7.0,), ("env:prod",), 0.5, 1656581409)),
    ("a:5|g||#tag:val||", sample(GAUGE, "a", (5.0,), ("tag:val",))),
    ("a:5|g|#tag:val|X123|Yunknown", sample(GAUGE, "a", (5.0,), ("tag:val",))),
    ("a:5|g|#tag:val|e:it-false,cn-x|card:low|c:in-7", sample(GAUGE, "a", (5.0,), ("tag:val",))),
    ("a:10|c|@0.5", sample(COUNT, "a", (10.0,), (), 0.5)),
    ("a:10|c|@-1", sample(COUNT, "a", (10.0,))),
    ("a:10|c|@0", sample(COUNT, "a", (10.0,))),
    ("a:10|c|@1e-9", sample(COUNT, "a", (10.0,), (), 1e-9)),
    ("a:10|c|@1e-320", sample(COUNT, "a", (10.0,))),
    ("a:10|c|@1.5", sample(COUNT, "a", (10.0,))),
    ("a:10|c|@inf", sample(COUNT, "a", (10.0,))),
    ("a:10|c|@nan", sample(COUNT, "a", (10.0,))),
    ("a:10|c|T1234567890", sample(COUNT, "a", (10.0,), (), 1.0, 1234567890)),
    ("a:10|c|T-100", sample(COUNT, "a", (10.0,), (), 1.0, -100)),
    ("a:10|c|T2.5", sample(COUNT, "a", (10.0,), (), 1.0, 3)),
    ("a:10|c|T-2.5", sample(COUNT, "a", (10.0,), (), 1.0, -3)),
    ("a:10|c|Tinf", sample(COUNT, "a", (10.0,))),
    ("a:10|c|T-inf", sample(COUNT, "a", (10.0,), (), 1.0, -1)),
    ("a:10|c|Tnan", sample(COUNT, "a", (10.0,), (), 1.0, 0)),
    ("a:7|h", sample(DISTRIBUTION, "a", (7.0,))),
    ("a:320|ms|#lang:go", sample(DISTRIBUTION, "a", (320.0,), ("lang:go",))),
    ("users:alice:b|s", sample(SET, "users", ("alice:b",))),
    ("multi:1:x:3|d", sample(DISTRIBUTION, "multi", (1.0, 3.0), notes=(REFUSED_VALUE,))),
    ("multi:1:inf:3|d", sample(DISTRIBUTION, "multi", (1.0, 3.0), notes=(REFUSED_VALUE,))),
    ("x:1|c|#lang:go:and:something:else", sample(COUNT, "x", (1.0,), ("lang:go:and:something:else",))),
    ("x:1|c|#lang:go,v1.65.1", sample(COUNT, "x", (1.0,), ("lang:go", "v1.65.1"))),
    ("x:1|c|#", sample(COUNT, "x", (1.0,))),
    ("x:1|c|#a:,,b", sample(COUNT, "x", (1.0,), ("a", "b"))),
    ("x:1|c|#first|#second", sample(COUNT, "x", (1.0,), ("second",))),
    ("üname:-.5e1|g|#tag:välue", sample(GAUGE, "üname", (-5.0,), ("tag:välue",))),
    ("x:1|c|#" + ",".join(["a:1,b:2,c:3"] * 10), sample(COUNT, "x", (1.0,), ("a:1", "b:2", "c:3"))),
    ("aws.lambda.enhanced.errors:1|c", sample(COUNT, "aws.lambda.enhanced.errors", (1.0,))),
    ("aws.lambda.enhanced.invocations2:1|c", sample(COUNT, "aws.lambda.enhanced.invocations2", (1.0,))),
]

REFUSED = [
    (":5|g", "format"),
    ("test.metric:|g", "format"),
    ("test.metric:5||#t:v", "format"),
    ("test.metric:5", "format"),
    ("test.metric:5|", "format"),
    ("|c", "format"),
    ("somerandomstring|c+a;slda", "format"),
    ("a|b:1|c", "format"),
    ("bad line", "format"),
    ("foo:1|a", "type"),
    ("foo:1|c\r", "type"),
    ("foo:1|C", "type"),
    ("x:abc|c", "value"),
    ("x:abc|ms", "value"),
    ("x: 1|c", "value"),
    ("x:1_0|c", "value"),
    ("x:0x10|c", "value"),
    ("x:1e999|c", "value"),
    ("x:nan|d", "value"),
    ("x:-inf|g", "value"),
    ("x:١|c", "value"),
    ("x::|c", "value"),
    ("a:10|c|@abc", "sample_rate"),
    ("a:10|c|@", "sample_rate"),
    ("a:10|c|@0.5abc", "sample_rate"),
    ("a:10|c|@abc|@1", "sample_rate"),
    ("a:10|c|T", "timestamp"),
    ("a:10|c|Tabc", "timestamp"),
    ("a:10|c|T123abc", "timestamp"),
    ("aws.lambda.enhanced.invocations:1|c", "counted_by_the_extension"),
]


@pytest.mark.parametrize(("line", "expected"), ACCEPTED)
def test_a_line_is_read(line, expected):
    assert parse_line(line.encode()) == expected


@pytest.mark.parametrize(("line", "reason"), REFUSED)
def test_a_line_is_refused_with_its_reason(line, reason):
    with pytest.raises(LineRefused) as refused:
        parse_line(line.encode())
    assert refused.value.reason == reason


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(LineRefused) as refused:
        parse_line(bytes.fromhex("FFFE3A317C63"))
    assert refused.value.reason == "not_utf8"


def test_of_more_than_100_tags_the_surplus_is_cut():
    _, _, tags, _, _, _, notes = parse_line(b"foo:1|g|#" + b",".join(b"t%03d:1" % n for n in range(101)))
    assert (len(tags), tags[0], tags[-1], notes) == (100, "t000:1", "t099:1", (CUT_TAGS,))


def test_tags_are_sorted_by_key_and_value_not_as_text():
    # "-" sorts before ":", but the key "a" sorts before the key "a-b".
    assert unique_tags(["a-b:1", "a:2", "a:1", "a", "a:", "a:1"]) == ("a", "a:1", "a:2", "a-b:1")


NUMBER = re.compile(r"[+-]?(inf|infinity|nan|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)", re.ASCII | re.IGNORECASE)


@given(st.text("0123456789.+-eE_ \tinfatyINFx\u0661\u00a0\u0130\x1c", max_size=9) | st.floats().map(repr) | st.text(max_size=4))
def test_numbers_are_those_of_the_grammar(text):
    number = parse_number(text)
    assert (number is not None) == bool(NUMBER.fullmatch(text))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_formatted_number_is_read_back(number):
    assert parse_number(repr(number)) == number


NAMES = st.text(st.characters(codec="utf-8", exclude_characters=":|\n\r"), min_size=1, max_size=20)
TAG_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters=",|\n\r"), min_size=1, max_size=12)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.sampled_from(["c", "g", "d", "h", "ms"]),
    NAMES,
    st.lists(TAG_TEXTS, max_size=6),
    st.lists(FLOATS, min_size=1, max_size=4),
    st.none() | st.floats(0.001, 1),
    st.none() | st.integers(0, 10**10),
)
def test_a_formatted_sample_is_read_back(letter, name, tags, values, rate, timestamp_s):
    line = f"{name}:{':'.join(map(repr, values))}|{letter}"
    line += f"|@{rate!r}" if rate else ""
    line += f"|#{','.join(tags)}" if tags else ""
    line += "" if timestamp_s is None else f"|T{timestamp_s}"
    expected = sample(dogstatsd.KINDS[letter], name, tuple(values), unique_tags(tags), rate or 1.0, timestamp_s)
    assert parse_line(line.encode()) == expected


def reason_of(parse, line):
    try:
        parse(line)
    except LineRefused as refused:
        return refused.reason
    return None


LIKELY = st.sampled_from([b"_e{", b"_sc|", b"a:1|c|", b"_e{1,1}:a|b|", b"_sc|n|1|"])


@given(st.builds(bytes.__add__, LIKELY, st.binary(max_size=20)) | st.binary(max_size=60))
def test_any_bytes_give_a_sample_or_a_refusal_with_a_known_reason(line):
    known = {value for name, value in vars(dogstatsd).items() if name.startswith(("REFUSED_", "OWN_METRIC"))}
    assert {reason_of(parse, line) for parse in (parse_line, parse_event, parse_check)} <= known | {None}


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("_e{5,10}:event|test event", {"title": "event", "text": "test event"}),
        ("_e{5,0}:event|", {"title": "event", "text": ""}),
        ("_e{6,5}:ti|tle|a\\nbc|#b,a:1", {"title": "ti|tle", "text": "a\nbc", "tags": ["a:1", "b"]}),
        ("_e{2,3}:ü|x|y", {"title": "ü", "text": "x|y"}),
        (
            "_e{1,1}:t|x|d:1700000000|h:host|p:low|t:error|k:key|s:src|c:id|zzz",
            {
                "title": "t",
                "text": "x",
                "date_happened": 1700000000,
                "host": "host",
                "priority": "low",
                "alert_type": "error",
                "aggregation_key": "key",
                "source_type_name": "src",
            },
        ),
        ("_e{1,1}:t|x|d:soon|p:urgent|t:fatal|h:", {"title": "t", "text": "x"}),
    ],
)
def test_an_event_is_read(line, event):
    assert dogstatsd.is_event(line.encode())
    assert parse_event(line.encode()) == event


@pytest.mark.parametrize(
    "line",
    [
        *("_e{", "_e{5,4}", "_e{5}:title|text", "_e{a,4}:title|text", "_e{5,9}:title|text", "_e{4,4}:title|text", "_e{0,4}:|text"),
        *("_e{5,4}:title|textmore", "_e{999999,1}:t|x", "_e{-1,1}:t|x"),
    ],
)
def test_a_broken_event_is_refused(line):
    with pytest.raises(LineRefused) as refused:
        parse_event(line.encode())
    assert refused.value.reason == "event"


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("_sc|servicecheck|0", {"check": "servicecheck", "status": 0, "host_name": "", "tags": []}),
        (
            "_sc|db.up|2|d:1700000000|h:h1|#b:1,a|m:down\\nfor m\\:now",
            {"check": "db.up", "status": 2, "host_name": "h1", "tags": ["a", "b:1"], "timestamp": 1700000000, "message": "down\nfor m:now"},
        ),
    ],
)
def test_a_service_check_is_read(line, check):
    assert dogstatsd.is_check(line.encode())
    assert parse_check(line.encode()) == check


@pytest.mark.parametrize("line", ["_sc|", "_sc|name", "_sc||1", "_sc|name|4", "_sc|name|x"])
def test_a_broken_service_check_is_refused(line):
    with pytest.raises(LineRefused) as refused:
        parse_check(line.encode())
    assert refused.value.reason == "service_check"


@pytest.mark.parametrize(
    ("text", "namespace"),
    [
        *((same, same) for same in ("myapp", "my_app", "my.app", "myApp123", "a1.b2_c3")),
        *(("  myapp  ", "myapp"), ("\tmyapp\n", "myapp"), ("", ""), ("   ", "")),
    ],
)
def test_a_namespace_is_accepted(text, namespace):
    assert parse_namespace(text) == namespace


@pytest.mark.parametrize(
    "text", ["1myapp", "_myapp", ".myapp", "-myapp", "my-app", "my app", "my@app", "my#app", "my$app", "my!app", "myäpp"]
)
def test_what_is_no_namespace_is_refused(text):
    with pytest.raises(ValueError, match="namespace"):
        parse_namespace(text)


@pytest.mark.parametrize(
    ("name", "namespace", "sent"),
    [
        ("my.metric", "custom.namespace", "custom.namespace.my.metric"),
        ("my.metric", "", "my.metric"),
        ("ns.metric", "ns", "ns.metric"),
        ("nsx.metric", "ns", "ns.nsx.metric"),
        ("jvm.heap", "ns", "jvm.heap"),
        ("datadog.x", "ns", "datadog.x"),
        ("runtime.x", "ns", "runtime.x"),
        ("aws.lambda.enhanced.errors", "ns", "aws.lambda.enhanced.errors"),
        ("aws.custom", "ns", "ns.aws.custom"),
    ],
)
def test_a_name_is_prefixed_unless_it_belongs_to_a_product(name, namespace, sent):
    assert prefixed(name, namespace) == sent
