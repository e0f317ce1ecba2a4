"""The fast reader gives what the plain parser gives, for any bytes and in any order."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.metrics import datagrams as datagrams_module
from pipelines.metrics.aggregate import Aggregator, bucket_of_sample
from pipelines.metrics.datagrams import DatagramReader
from protocols.dogstatsd import LineRefused, is_check, is_event, parse_check, parse_event, parse_line, prefixed

NOW_S = 1_700_000_005
BUCKET_S = 1_700_000_000


def flushed(aggregator):
    series, sketches = aggregator.flush()
    as_facts = [(*point, s.count, s.min, s.max, s.sum, s.avg, s.bin_list()) for *point, s in sketches]
    return series, as_facts


def take_plainly(aggregator, datagrams, now_s, namespace=""):
    """What the reader does, without its memory: parse each line, put in its values. Returns (refusals by reason, events, checks)."""
    reasons, events, checks = {}, [], []

    def refuse(reason):
        reasons[reason] = reasons.get(reason, 0) + 1

    raw_lines = (raw.removesuffix(b"\r") for datagram in datagrams for raw in datagram.split(b"\n"))
    for line in filter(None, raw_lines):
        try:
            if is_event(line):
                events.append({"date_happened": now_s, **parse_event(line)})
            elif is_check(line):
                checks.append({"timestamp": now_s, **parse_check(line)})
            else:
                kind, name, tags, values, rate, timestamp_s, notes = parse_line(line)
                for note in notes:
                    refuse(note)
                bucket_s = bucket_of_sample(kind, timestamp_s, now_s)
                if bucket_s is None:
                    refuse("timestamp_too_old")
                else:
                    aggregator.add(prefixed(name, namespace), tags, bucket_s, kind, values, rate)
        except LineRefused as refused:
            refuse(refused.reason)
    return reasons, events, checks


def assert_alike(batches, namespace=""):
    """Both ways over several batches, with a flush after every second one and time going on."""
    fast, plain = Aggregator(), Aggregator()
    reader = DatagramReader(fast, namespace)
    reasons: dict[str, int] = {}
    for number, batch in enumerate(batches):
        now_s = NOW_S + 4 * number
        reader.take(batch, now_s)
        more, events, checks = take_plainly(plain, batch, now_s, namespace)
        reasons = {key: reasons.get(key, 0) + more.get(key, 0) for key in {**reasons, **more}}
        assert reader.take_notices() == (events, checks)
        if number % 2:
            assert flushed(fast) == flushed(plain)
    assert reader.statistics().refused == reasons
    assert flushed(fast) == flushed(plain)


def read(*datagrams, namespace=""):
    aggregator = Aggregator()
    reader = DatagramReader(aggregator, namespace)
    reader.take(list(datagrams), NOW_S)
    return flushed(aggregator), reader


@pytest.mark.parametrize(
    ("datagrams", "series"),
    [
        ([b"my.metric:5:10:15|c"], [("my.metric", (), BUCKET_S, "count", 30.0)]),
        ([b"m:10|c|@0.5", b"m:10|c|@0.5"], [("m", (), BUCKET_S, "count", 40.0)]),
        ([b"m:1|c|#b:2,a:1", b"m:2|c|#a:1,b:2"], [("m", ("a:1", "b:2"), BUCKET_S, "count", 3.0)]),
        ([b"m:-3|g", b"m:-4|g", b"m:+.5|g"], [("m", (), BUCKET_S, "gauge", 0.5)]),
        ([b"m:1|c\r\nn:2|c\r\n", b"m:1|c\r\n"], [("m", (), BUCKET_S, "count", 2.0), ("n", (), BUCKET_S, "count", 2.0)]),
        ([b"u:42|s", b"u:42|s", b"u:43|s", b"u:a:b|s"], [("u", (), BUCKET_S, "gauge", 3.0)]),
        ([b"aws.lambda.enhanced.invocations:1|c\ncustom.metric:5|c\n"], [("custom.metric", (), BUCKET_S, "count", 5.0)]),
        ([b"m:1|c|T1699999999"], [("m", (), 1699999990, "count", 1.0)]),
        ([b"m:1|c|T9999999999"], [("m", (), BUCKET_S, "count", 1.0)]),
        ([b"\xff\xfe:1|c\ngood:1|c", b"\xff\xfe:1|c"], [("good", (), BUCKET_S, "count", 1.0)]),
        ([b"", b"\n", b"m:1|c\n\n"], [("m", (), BUCKET_S, "count", 1.0)]),
    ],
)
def test_datagrams_become_points(datagrams, series):
    (got, sketches), _ = read(*datagrams)
    assert (got, sketches) == (series, [])


def test_a_datagram_of_forty_metrics_gives_all_forty():
    (series, _), _ = read(b"\n".join(b"a.rather.long.metric.name.%02d:1|c" % number for number in range(40)))
    assert len(series) == 40


def test_the_namespace_goes_before_the_name_once():
    (series, _), _ = read(b"my.metric:42|c", b"my.metric:1|c", b"jvm.heap:1|g", namespace="custom.namespace")
    assert [(point[0], point[4]) for point in series] == [("custom.namespace.my.metric", 43.0), ("jvm.heap", 1.0)]


def test_refusals_are_counted_by_reason():
    _, reader = read(b"bad line", b"x:abc|c", b"x:1|zz", b"x:1|c|T5", b"\xff:1|c", b"ok:1:x|c", b"ok:1|c", b"ok:z|c", b"_e{1", b"_sc|")
    assert reader.statistics().refused == {
        "format": 1,
        "value": 3,
        "type": 1,
        "timestamp_too_old": 1,
        "not_utf8": 1,
        "event": 1,
        "service_check": 1,
    }
    assert (reader.statistics().datagrams, reader.statistics().lines) == (10, 10)


def test_surplus_tags_are_counted_each_time():
    line = b"foo:1|g|#" + b",".join(b"t%d:1" % number for number in range(101))
    _, reader = read(line, line)
    assert reader.statistics().refused == {"tags_over_100": 2}


def test_events_and_checks_are_held_up_to_a_bound():
    event = b"_e{5,4000}:title|" + b"x" * 4000
    _, reader = read(*[event] * 300, b"_sc|name|1|d:7", b"_e{1,1}:a|b|d:8")
    events, checks = reader.take_notices()
    assert len(events) + len(checks) + reader.statistics().refused["events_full"] == 302
    assert 200 < len(events) < 300
    assert reader.take_notices() == ([], [])


def test_events_and_checks_without_a_time_get_that_of_reading():
    _, reader = read(b"_sc|name|1\n_sc|name|1|d:7\n_e{1,1}:a|b\n_e{1,1}:a|b|d:8")
    events, checks = reader.take_notices()
    assert [event["date_happened"] for event in events] == [NOW_S, 8]
    assert [check["timestamp"] for check in checks] == [NOW_S, 7]


def test_forms_are_forgotten_when_they_are_too_many(monkeypatch):
    monkeypatch.setattr(datagrams_module, "FORMS_MAX", 3)
    (series, _), reader = read(*(b"m%d:1|c" % (number % 5) for number in range(50)))
    assert [point[4] for point in series] == [10.0] * 5
    assert reader.statistics().forms <= 3


def test_forms_are_forgotten_when_their_text_is_too_long(monkeypatch):
    monkeypatch.setattr(datagrams_module, "FORM_BYTES_MAX", 100)
    (series, _), reader = read(*(b"m%d:1|c|#%s" % (number % 5, b"x" * 40) for number in range(50)))
    assert [point[4] for point in series] == [10.0] * 5
    assert reader.statistics().forms <= 2


def test_a_known_form_opens_again_after_a_flush_and_in_the_next_bucket():
    aggregator = Aggregator()
    reader = DatagramReader(aggregator)
    seen = []
    for now_s in (NOW_S, NOW_S, NOW_S + 10, NOW_S + 10):
        reader.take([b"m:1|c", b"d:1|d"], now_s)
        if now_s == NOW_S:
            seen.append(flushed(aggregator)[0])
    assert [[point[2:] for point in points] for points in seen] == [[(BUCKET_S, "count", 1.0)]] * 2
    assert [point[2:] for point in flushed(aggregator)[0]] == [(BUCKET_S + 10, "count", 2.0)]


def test_a_known_form_is_refused_where_there_is_no_room():
    aggregator = Aggregator(contexts_max=1)
    reader = DatagramReader(aggregator)
    reader.take([b"m:1|c"], NOW_S)
    aggregator.flush()
    reader.take([b"other:1|c", b"m:1|c", b"m:1|c"], NOW_S)
    assert aggregator.statistics().refused_contexts == 2


NUMBERS = st.sampled_from(
    ["1", "2.5", ".5", "7.", "-3", "+4", "1e3", "1e999", "nan", "inf", "x", "", ".", "1_0", " 1", "9" * 310, "1:2", "1::3"]
)
SUFFIXES = st.sampled_from(
    [
        "c",
        "g",
        "d",
        "h",
        "ms",
        "s",
        "c\r",
        "x",
        "",
        "c|#a:1",
        "c|#a:1\r",
        "d|@0.5",
        "c|@0.5|#b,a:1",
        "g|T1699999999",
        "c|T5",
        "d|T|",
        "c|@",
        "g|#a:",
    ]
)
LINES = st.builds("{}:{}|{}".format, st.sampled_from(["m", "n", "datadog.x", "ü", "", "a|b"]), NUMBERS, SUFFIXES).map(str.encode)
OTHER_LINES = st.sampled_from(
    [b"_e{1,1}:a|b", b"_sc|a|0", b"_e{", b"", b"\r", b"bad", b"\xff:1|c", b"m:\xff|c", b"m:1|c|#\xff"]
) | st.binary(max_size=12)
DATAGRAMS = st.lists(LINES | OTHER_LINES, max_size=6).map(b"\n".join)


@settings(max_examples=400)
@given(st.lists(st.lists(DATAGRAMS, max_size=6), max_size=6), st.sampled_from(["", "ns"]))
def test_the_reader_agrees_with_the_plain_parser(batches, namespace):
    assert_alike(batches, namespace)


SEEDS = [
    b"page.views:1|c|#env:prod,team:checkout",
    b"latency:12.5|d|@0.5|#env:prod",
    b"cpu:30|g|T1700000001|#b,a:1",
    b"users:alice|s\nmulti:1:2:3|ms\r\n",
    b"_e{5,4}:title|text|p:low|#a:b\n_sc|svc|1|m:text",
]
MUTATIONS = [b"|", b":", b"\n", b"#", b"@", b"T", b",", b".", b"-", b"\xff", b"\xc3\xbc", b"0", b"1e", b"\r", b"", b"m:1|c\n"]


def mutated(generator):
    """A seed with a few bytes replaced, taken out or put in."""
    datagram = generator.choice(SEEDS)
    for _ in range(generator.randrange(4)):
        at = generator.randrange(len(datagram) + 1)
        datagram = datagram[:at] + generator.choice(MUTATIONS) + datagram[at + generator.randrange(2) :]
    return datagram


def fuzz(count, seed):
    generator = random.Random(seed)
    aggregator = Aggregator()
    reader = DatagramReader(aggregator)
    for start in range(0, count, 1000):
        reader.take([mutated(generator) for _ in range(1000)], NOW_S + start // 1000)
        if start % 20_000 == 0:
            aggregator.flush()
            reader.take_notices()
    return reader.statistics()


def test_200_000_mutated_datagrams_are_read_or_refused():
    statistics = fuzz(200_000, seed=1)
    assert statistics.datagrams == 200_000
    assert {"format", "value", "not_utf8", "type"} <= statistics.refused.keys()


@pytest.mark.long
def test_ten_million_mutated_datagrams_are_read_or_refused():
    assert fuzz(10_000_000, seed=2).datagrams == 10_000_000


def test_mutated_datagrams_agree_with_the_plain_parser():
    generator = random.Random(3)
    for _ in range(100):
        assert_alike([[mutated(generator) for _ in range(20)] for _ in range(5)])
