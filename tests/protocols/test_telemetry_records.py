"""Records, times and fields of Telemetry API batches: rows of the specification (lifecycle 7, lambda-platform 5) and properties."""

import datetime
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import telemetry_records as tr

ID = "459921b5-681c-4a96-beb0-81e0aa586026"
GOOD = {"time": "2022-10-12T00:03:50.000Z", "type": "platform.start", "record": {"requestId": ID}}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def record_of(record_type: str, fields: object) -> dict[str, object]:
    return {"time": "2022-10-19T13:52:15.636Z", "type": record_type, "record": fields}


# --- batches


def test_records_come_in_their_order_and_one_bad_element_costs_only_itself():
    batch = [GOOD, 7, {"type": 3}, {"time": "x"}, None, {"type": "platform.new"}]
    records, refused = tr.parse_batch(json.dumps(batch).encode())
    assert records == [GOOD, {"type": "platform.new"}]
    assert refused == ["not a record"] * 4


@pytest.mark.parametrize("body", [b"", b"x", b"{}", b'"text"', b"7", b"null", b"\xff\xfe", b"[", b"[1"])
def test_a_body_that_is_no_array_of_records_gives_reasons_and_no_records(body):
    records, refused = tr.parse_batch(body)
    assert records == []
    assert refused


def test_bytes_that_are_not_utf8_are_replaced():
    records, refused = tr.parse_batch(b'[{"type":"function","record":"a\xffb"}]')
    assert (records, refused) == ([{"type": "function", "record": "a�b"}], [])


@pytest.mark.parametrize(
    "bad",
    ["[" * 100_000 + "]" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000, "1" * 5000, "{oops}", '{"type":"function","record":"\t"}'],
    ids=["nested lists", "nested objects", "number of 5,000 digits", "no JSON", "raw control character"],
)
def test_what_python_cannot_read_costs_only_its_own_element(bad):
    good = json.dumps(GOOD)
    records, refused = tr.parse_batch(f'[{good}, {bad} ,{good},{{"type":"function","record":"],[\\"{{"}}]'.encode())
    assert records == [GOOD, GOOD, {"type": "function", "record": '],["{'}]
    assert len(refused) == 1


@pytest.mark.parametrize("unit", ['"', '\\"', "[", "{", ",", '"a",', "\\", '[{"'])
def test_a_hostile_body_takes_linear_time(unit):
    body = b"[" + unit.encode() * (500_000 // len(unit))
    start = time.process_time()
    records, refused = tr.parse_batch(body)
    assert (records, bool(refused)) == ([], True)
    assert time.process_time() - start < 5, "a quadratic reading would take an hour"


def test_the_whole_elements_of_a_truncated_body_are_kept():
    body = json.dumps([GOOD, GOOD, GOOD]).encode()
    records, refused = tr.parse_batch(body[:-30])
    assert records == [GOOD, GOOD]
    assert len(refused) == 1


@given(st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_raises(body):
    records, refused = tr.parse_batch(body)
    assert all(isinstance(record["type"], str) for record in records)
    assert set(refused) <= {"not JSON", "nested too deep", "not an array", "not a record"}


@given(st.lists(ANY_JSON, max_size=4), st.integers(0, 4))
def test_the_slow_way_reads_what_the_fast_way_reads(elements, at):
    """An element that Python refuses forces the slow way; all others must come out as they do without it."""
    expected, refused = tr.parse_batch(json.dumps(elements).encode())
    sources = [json.dumps(element) for element in elements]
    sources.insert(at, "1" * 5000)
    records, refused_slowly = tr.parse_batch(f"[{','.join(sources)}]".encode())
    assert repr(records) == repr(expected)
    assert len(refused_slowly) == len(refused) + 1


# --- times


@pytest.mark.parametrize(
    ("text", "epoch_ms"),
    [
        ("2023-01-07T03:23:47.000Z", 1673061827000),
        ("2023-01-07T03:23:47Z", 1673061827000),
        ("2023-01-07t03:23:47z", 1673061827000),
        ("2023-01-07 03:23:47.5", 1673061827500),
        ("2026-11-23T14:00:17.764Z", 1795442417764),
        ("2026-11-23T14:00:17.764999999Z", 1795442417764),
        ("2026-11-23T15:00:17.764+01:00", 1795442417764),
        ("2026-11-23T08:30:17.764-0530", 1795442417764),
        ("2026-11-23T16:00:17+02", 1795442417000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2024-02-29T00:00:00.000Z", 1709164800000),
        ("2016-12-31T23:59:60.000Z", 1483228800000),
        ("2023-02-29T00:00:00.000Z", None),
        ("2023-13-01T00:00:00.000Z", None),
        ("2023-01-01T24:00:00.000Z", None),
        ("2023-01-01T00:00:00.Z", None),
        ("2023-01-01T00:00:00.000X", None),
        ("2023-01-01T00:00:00.000+99:00", None),
        ("2023-01-01", None),
        ("20230107T032347Z", None),
        ("+023-01-01T00:00:00.000Z", None),
        ("", None),
        (1673061827000, None),
        (None, None),
    ],
)
def test_times(text, epoch_ms):
    assert tr.parse_time_ms(text) == epoch_ms
    assert tr.parse_time_ms(text) == epoch_ms, "the second time it may come from the cache"


@given(st.datetimes(timezones=st.just(datetime.UTC), min_value=datetime.datetime(1, 1, 1), max_value=datetime.datetime(9999, 12, 31)))
def test_every_time_is_exact(moment):
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    expected = (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(milliseconds=1)
    assert tr.parse_time_ms(text) == tr.parse_time_ms(text) == expected


@given(st.text(max_size=30) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{0,9})?(Z|[+-]\d\d:?\d\d)?", fullmatch=True))
def test_no_time_raises_and_the_cache_stays_small(text):
    first = tr.parse_time_ms(text)
    assert first == tr.parse_time_ms(text)
    assert len(tr._second_ms) <= tr.SECONDS_CACHED_MAX


# --- platform records


def test_init_start():
    fields = {"initializationType": "on-demand", "phase": "init"}
    assert tr.read_init_start(record_of("platform.initStart", fields)) == tr.InitStartFields("on-demand", "init", None, None)
    fields |= {"runtimeVersion": "nodejs:20.v22", "runtimeVersionArn": "arn:aws:lambda:us-east-1::runtime:da57", "functionName": "f"}
    assert tr.read_init_start(record_of("platform.initStart", fields)) == tr.InitStartFields(
        "on-demand", "init", "nodejs:20.v22", "arn:aws:lambda:us-east-1::runtime:da57"
    )
    assert tr.read_init_start(record_of("platform.restoreStart", {})) == tr.InitStartFields(None, None, None, None)


@pytest.mark.parametrize("word", ["on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances", "of-the-future"])
def test_init_types_known_or_not_are_given_as_they_came(word):
    fields = tr.read_init_start(record_of("platform.initStart", {"initializationType": word, "phase": word}))
    assert fields == tr.InitStartFields(word, word, None, None)


@pytest.mark.parametrize(
    ("record_type", "fields", "expected"),
    [
        (
            "platform.initRuntimeDone",
            {"initializationType": "on-demand", "status": "success"},
            tr.OutcomeFields("success", None, "on-demand", None, None),
        ),
        (
            "platform.initReport",
            {"initializationType": "on-demand", "metrics": {"durationMs": 500.0}, "phase": "init"},
            tr.OutcomeFields(None, None, "on-demand", "init", 500.0),
        ),
        (
            "platform.restoreReport",
            {"status": "success", "metrics": {"durationMs": 150.5}},
            tr.OutcomeFields("success", None, None, None, 150.5),
        ),
        (
            "platform.restoreReport",
            {"status": "failure", "errorType": "RestoreError"},
            tr.OutcomeFields("failure", "RestoreError", None, None, None),
        ),
        ("platform.restoreRuntimeDone", {"status": "new-word"}, tr.OutcomeFields("new-word", None, None, None, None)),
        ("platform.initReport", {"metrics": 7, "status": 7, "phase": None}, tr.OutcomeFields(None, None, None, None, None)),
    ],
)
def test_how_a_phase_ended(record_type, fields, expected):
    assert tr.read_outcome(record_of(record_type, fields)) == expected


def test_start():
    assert tr.read_start(GOOD) == tr.StartFields(ID, None, None)
    fields = {"requestId": ID, "version": "$LATEST", "tracing": {"value": "Root=1"}, "functionArn": "arn:f"}
    assert tr.read_start(record_of("platform.start", fields)) == tr.StartFields(ID, "$LATEST", "arn:f")


def test_runtime_done():
    fields: dict[str, object] = {"requestId": ID, "status": "success", "metrics": {"durationMs": 2599.0, "producedBytes": 8}, "spans": []}
    assert tr.read_runtime_done(record_of("platform.runtimeDone", fields)) == tr.RuntimeDoneFields(ID, "success", None, 2599.0, 8)
    fields = {"requestId": ID, "status": "error", "errorType": "Runtime.ExitError"}
    assert tr.read_runtime_done(record_of("platform.runtimeDone", fields)) == tr.RuntimeDoneFields(
        ID, "error", "Runtime.ExitError", None, None
    )


def test_report_in_the_on_demand_shape():
    metrics = {"durationMs": 2599.4, "billedDurationMs": 2600, "memorySizeMB": 128, "maxMemoryUsedMB": 94, "initDurationMs": 549.04}
    report = tr.read_report(record_of("platform.report", {"requestId": ID, "metrics": metrics, "status": "success"}))
    assert report == tr.ReportFields(ID, "success", None, 2599.4, 2600, 128, 94, 549.04, None)
    assert report.is_on_demand


def test_report_in_the_managed_shape_with_its_spans():
    record = {
        "time": "2025-09-19T19:36:50.881Z",
        "type": "platform.report",
        "record": {
            "requestId": ID,
            "status": "success",
            "metrics": {"durationMs": 1.148},
            "spans": [
                {"name": "responseLatency", "start": "2025-09-19T19:36:50.880Z", "durationMs": 0.847},
                {"name": "responseDuration", "start": "no time", "durationMs": 0.127},
                {"name": "no duration", "start": "2025-09-19T19:36:50.880Z"},
                7,
            ],
        },
    }
    report = tr.read_report(record)
    assert report == tr.ReportFields(ID, "success", None, 1.148, None, None, None, None, None)
    assert not report.is_on_demand


@pytest.mark.parametrize("missing", ["durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB"])
def test_without_one_of_the_billed_figures_a_report_has_the_managed_shape(missing):
    metrics = {"durationMs": 1, "billedDurationMs": 2, "memorySizeMB": 3, "maxMemoryUsedMB": 4}
    del metrics[missing]
    report = tr.read_report(record_of("platform.report", {"requestId": ID, "metrics": metrics}))
    assert report is not None
    assert not report.is_on_demand


def test_logs_dropped():
    fields = {"reason": "BufferFull", "droppedRecords": 1, "droppedBytes": 1024}
    assert tr.read_logs_dropped(record_of("platform.logsDropped", fields)) == tr.LogsDroppedFields("BufferFull", 1, 1024)
    assert tr.read_logs_dropped(record_of("platform.logsDropped", {})) == tr.LogsDroppedFields("unknown", 0, 0)


@pytest.mark.parametrize("reader", [tr.read_start, tr.read_runtime_done, tr.read_report])
@pytest.mark.parametrize("fields", [None, 7, "text", [], {}, {"requestId": 7}, {"requestId": ""}, {"requestId": None}])
def test_without_a_request_id_there_are_no_fields(reader, fields):
    assert reader(record_of("platform.any", fields)) is None
    assert reader({"type": "platform.any"}) is None


READERS = [
    tr.read_init_start,
    tr.read_outcome,
    tr.read_start,
    tr.read_runtime_done,
    tr.read_report,
    tr.read_logs_dropped,
]
NAMES = st.sampled_from(["requestId", "status", "errorType", "metrics", "phase", "spans", "reason", "droppedBytes", "version"])
FIELDS = st.dictionaries(NAMES, ANY_JSON | st.dictionaries(st.sampled_from(["durationMs", "producedBytes", "memorySizeMB"]), ANY_JSON))


@pytest.mark.parametrize("reader", READERS)
@given(fields=ANY_JSON | FIELDS)
def test_no_record_of_any_shape_raises(reader, fields):
    reader(record_of("platform.any", fields))


# --- single values


@pytest.mark.parametrize(
    ("value", "number"),
    [(0, 0), (12, 12), (12.5, 12.5), ("12.5", 12.5), (" 12 ", 12), ("2600.0", 2600)]
    + [(value, None) for value in (True, None, "", "x", "nan", "inf", float("nan"), float("inf"), 10**400, -1, -0.5, "-1", [], {})],
)
def test_figures_may_be_numbers_or_texts_but_neither_negative_nor_endless(value, number):
    assert tr.read_number(value) == number
    assert type(tr.read_number(value)) is type(number)


@pytest.mark.parametrize(("value", "count"), [(8, 8), (8.0, 8), (8.9, 8), ("8", 8), ("x", None), (False, None)])
def test_counts_are_whole(value, count):
    assert tr.read_count(value) == count


def test_lines_are_no_platform_records():
    kinds = ["function", "platform.start", "extension", "platform.report", "something.new"]
    told = tr.platform_records([{"type": kind} for kind in kinds])
    assert [record["type"] for record in told] == ["platform.start", "platform.report", "something.new"]
