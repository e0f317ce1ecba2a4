"""Records in, entries out: the rows of the specification (logs 2 to 8) through the whole pipeline, and what must always hold."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm.time import Now
from pipelines.logs.held import DurableContext
from pipelines.logs.pipeline import LogsPipeline
from protocols.intake_logs import CUT_MARK, STATUSES
from protocols.telemetry_records import LogsDroppedFields

ID = "test-request-id"
START = ("platform.start", {"requestId": ID, "version": "test-version"})
START_LINE = (f"START RequestId: {ID} Version: test-version", "info", ID)
DONE = ("platform.runtimeDone", {"requestId": ID, "status": "success", "metrics": {"durationMs": 100.0}})
END_LINE = (f"END RequestId: {ID}", "info", ID)
METRICS = {"durationMs": 100.0, "billedDurationMs": 128, "memorySizeMB": 256, "maxMemoryUsedMB": 64}
REPORT = ("platform.report", {"requestId": ID, "status": "success", "metrics": METRICS})
REPORT_LINE = (
    f"REPORT RequestId: {ID} Duration: 100.00 ms Runtime Duration: {{}} ms Post Runtime Duration: 0.00 ms"
    " Billed Duration: 128 ms Memory Size: 256 MB Max Memory Used: 64 MB"
)
INIT_START = ("platform.initStart", {"runtimeVersion": "test-runtime-version", "runtimeVersionArn": "test-arn-of-it"})
INIT_LINE = "INIT_START Runtime Version: test-runtime-version Runtime Version ARN: test-arn-of-it"


# --- lines and owners


@pytest.mark.parametrize(
    ("records", "logs"),
    [
        ([START], [START_LINE]),
        ([DONE], [END_LINE]),
        (
            [("platform.runtimeDone", {"requestId": ID, "status": "timeout", "metrics": {"durationMs": 5000.0}})],
            [(f"END RequestId: {ID} Task timed out after 5.00 seconds", "error", ID)],
        ),
        ([REPORT], [(REPORT_LINE.format("0.00"), "info", ID)]),
        ([DONE, REPORT], [END_LINE, (REPORT_LINE.format("100.00"), "info", ID)]),
        ([START, ("function", "line")], [START_LINE, ("line", "info", ID)]),
        ([START, ("extension", "line")], [START_LINE, ("line", "info", ID)]),
        ([INIT_START, ("function", "early"), START], [START_LINE, (INIT_LINE, "info", ID), ("early", "info", ID)]),
        ([START, DONE, ("extension", "late")], [START_LINE, END_LINE, ("late", "info", ID)]),
        (
            [("function", {"requestId": "test-request-123", "message": "Hello World"})],
            [('{"requestId":"test-request-123","message":"Hello World"}', "info", "test-request-123")],
        ),
        ([START, ("function", {"requestId": 7, "AWSRequestId": "b"})], [START_LINE, ('{"requestId":7,"AWSRequestId":"b"}', "info", ID)]),
        ([START, ("extension", {"requestId": "own"})], [START_LINE, ('{"requestId":"own"}', "info", ID)]),
        ([START, ("function", '{"requestId":"in a text"}')], [START_LINE, ('{"requestId":"in a text"}', "info", ID)]),
        ([START, ("function", "")], [START_LINE, ("", "info", ID)]),
        ([START, ("function", "  blank\n")], [START_LINE, ("  blank\n", "info", ID)]),
    ],
)
def test_on_demand(bench, records, logs):
    b = bench()
    b.take(*records)
    assert b.logs() == logs
    assert b.statistics.orphans == 0


@pytest.mark.parametrize(
    ("records", "logs"),
    [
        ([("function", "a"), START, ("function", "b")], [("a", "info", None), START_LINE, ("b", "info", None)]),
        ([INIT_START], [(INIT_LINE, "info", None)]),
        ([("function", {"requestId": "x", "level": "ERROR"})], [('{"requestId":"x","level":"ERROR"}', "error", "x")]),
        (
            [("platform.report", {"requestId": ID, "status": "success", "metrics": {"durationMs": 123.45}})],
            [(f"REPORT RequestId: {ID} Runtime Duration: 123.45 ms", "info", ID)],
        ),
    ],
)
def test_managed(bench, records, logs):
    b = bench(managed=True)
    b.take(*records)
    assert b.logs() == logs
    assert b.statistics.orphans == 0


def test_on_demand_a_line_without_an_owner_waits(bench):
    b = bench()
    b.take(("function", "test-function"))
    assert (b.logs(), b.statistics.orphans) == ([], 1)


@pytest.mark.parametrize("releaser", [("function", {"requestId": "other"}), DONE, REPORT])
def test_only_a_start_gives_orphans_an_owner(bench, releaser):
    b = bench()
    b.take(("function", "orphan"), releaser)
    assert b.statistics.orphans == 1
    b.take(START)
    assert b.logs()[1:] == [START_LINE, ("orphan", "info", ID)]


def test_a_line_after_the_report_waits_for_the_next_start_and_a_late_report_takes_nothing(bench):
    b = bench()
    b.take(START, DONE, REPORT, ("function", "between"), ("platform.start", {"requestId": "next"}), REPORT, ("function", "during"))
    assert b.logs()[3:] == [
        ("START RequestId: next Version: $LATEST", "info", "next"),
        ("between", "info", "next"),
        (REPORT_LINE.format("0.00"), "info", ID),
        ("during", "info", "next"),
    ]


def test_after_a_crash_what_the_new_environment_says_belongs_to_the_next_invocation(bench):
    b = bench()
    b.take(START, ("platform.runtimeDone", {"requestId": ID, "status": "error"}), INIT_START, ("function", "loading"))
    b.take(("platform.start", {"requestId": "next"}))
    assert b.logs()[2:] == [
        ("START RequestId: next Version: $LATEST", "info", "next"),
        (INIT_LINE, "info", "next"),
        ("loading", "info", "next"),
    ]


def test_an_init_inside_an_invocation_belongs_to_it(bench):
    b = bench()
    b.take(START, INIT_START)
    assert b.logs() == [START_LINE, (INIT_LINE, "info", ID)]


def test_the_oldest_orphans_go_without_an_id_when_there_are_too_many(bench):
    b = bench()
    b.take(*[("function", str(number)) for number in range(1002)])
    assert b.logs() == [("0", "info", None), ("1", "info", None)]
    assert b.statistics.orphans == 1000


def test_at_shutdown_what_waits_goes_and_what_comes_waits_no_more(bench):
    b = bench(durable_ids_max=5)
    b.take(("function", "orphan"), ("platform.runtimeDone", {"requestId": "held"}))
    b.shutdown()
    b.take(("function", "late"))
    assert b.logs() == [("orphan", "info", None), ("END RequestId: held", "info", "held"), ("late", "info", None)]


@pytest.mark.parametrize("value", [12, 1.5, None, True, ["a"]])
def test_a_line_that_is_neither_text_nor_object_is_dropped_and_counted(bench, value):
    b = bench()
    b.take(START, ("function", value), ("function", "next"))
    assert b.logs() == [START_LINE, ("next", "info", ID)]
    assert b.statistics.dropped == {"unreadable": 1}


@pytest.mark.parametrize("kind", ["initReport", "restoreStart", "initRuntimeDone", "extension", "telemetrySubscription", "future"])
def test_other_records_make_no_line(bench, kind):
    b = bench()
    b.take((f"platform.{kind}", {"requestId": "x"}))
    assert b.logs() == []
    assert b.statistics.dropped == {}


@pytest.mark.parametrize("kind", ["start", "runtimeDone", "report", "initStart", "logsDropped"])
def test_a_platform_record_without_its_fields_is_counted(bench, kind):
    b = bench()
    b.take((f"platform.{kind}", "text"), START)
    assert b.logs() == [START_LINE]
    assert b.statistics.dropped == {"unreadable": 1}


# --- entries


def test_a_body_names_its_kind_path_and_count(bench):
    b = bench(service="My-Service")
    b.take(START, ("function", {"ddtags": "a:b", "message": "ü"}))
    (body,) = b.pipeline.seal()
    assert (body.kind, body.path, body.content_type, body.items) == ("logs", "/api/v2/logs", "application/json", 2)
    assert json.loads(body.raw)[1] == {
        "message": {
            "message": '{"message":"ü"}',
            "lambda": {"arn": "test-arn", "request_id": ID},
            "timestamp": 1673061827000,
            "status": "info",
        },
        "hostname": "test-arn",
        "service": "my-service",
        "ddtags": "base:tag,a:b",
        "ddsource": "lambda",
    }
    assert b.pipeline.seal() == []


def test_without_a_service_it_is_the_function_and_the_arn_is_lower_case(bench):
    b = bench(arn="ARN:Function:X")
    b.take(START)
    entry = b.sealed()[0]
    assert (entry["service"], entry["hostname"], entry["message"]["lambda"]["arn"]) == ("test-function", "arn:function:x", "arn:function:x")


@pytest.mark.parametrize("time", ["no time", None, 7, {}, []])
def test_a_time_that_cannot_be_read_is_now(bench, time):
    b = bench()
    b.pipeline.take([b.record(*START, time=time), b.record("function", "a", time=time)], Now(epoch_ms=5_000, mono_ms=0))
    assert [entry["message"]["timestamp"] for entry in b.sealed()] == [5_000, 5_000]


def test_short_and_full_way_make_the_same_entries(bench):
    texts = ["plain", "ü\ud800", '"quoted"\t\x01', "x" * 5000, "[1]"]
    entries = []
    for settings in ({}, {"apply_rules": lambda text: text}, {"sample": {"info": 1.0}}, {"durable_ids_max": 3}):
        b = bench(**settings)
        b.take(("platform.initStart", {}), START, *[("function", text) for text in texts])
        entries.append(b.sealed())
    assert entries[0] == entries[1] == entries[2] == entries[3]
    assert len(entries[0]) == 2 + len(texts)


def test_a_line_over_the_limit_is_cut_and_counted(bench):
    b = bench()
    b.take(START, ("function", "x" * 2**20), ("function", '"' * 2**19))
    assert [message[-len(CUT_MARK) :] for message, _, _ in b.logs()[1:]] == [CUT_MARK] * 2
    assert b.statistics.truncated == 2


def test_bodies_hold_at_most_1000_entries(bench):
    b = bench()
    b.take(START, *[("function", "x")] * 2500)
    assert [body.items for body in b.pipeline.seal()] == [1000, 1000, 501]


# --- structure and levels


@pytest.mark.parametrize(
    ("record", "status", "text"),
    [
        (("extension", '{"level":"ERROR","message":"DD_EXTENSION | ERROR | Extension loop failed"}'), "error", "DD_EXTENSION | ERROR |"),
        (("function", '{"level":"WARN","message":"m"}'), "warn", '{"level":"WARN","message":"m"}'),
        (("function", ' { "status" : "debug" }'), "debug", ' { "status" : "debug" }'),
        (("function", {"timestamp": "2025-08-27T10:25:22.244Z", "level": "FATAL"}), "critical", '"level":"FATAL"'),
        (("function", {"level": "VERBOSE", "status": "error"}), "info", "VERBOSE"),
        (("function", {"message": {"ddtags": "a:b", "level": "ERROR"}}), "info", '{"level":"ERROR"}'),
    ],
)
def test_levels(bench, record, status, text):
    b = bench()
    b.take(START, record)
    (_, (message, found, _)) = b.logs()
    assert found == status
    assert text in message


# --- rules, sampling, platform lines


def test_a_rule_that_drops_a_start_still_lets_the_orphans_go(bench):
    b = bench(apply_rules=lambda text: None if text.startswith(("START", "END", "REPORT")) else text)
    b.take(("extension", "one"), ("function", "two"), START)
    assert b.logs() == [("one", "info", ID), ("two", "info", ID)]
    assert b.statistics.dropped == {"rule": 1}


def test_rules_see_each_line_once_and_after_its_tags_are_gone(bench):
    seen = []

    def mask(text):
        seen.append(text)
        return text + "!"

    b = bench(apply_rules=mask)
    b.take(("function", {"ddtags": "a:b"}), ("function", "text"), START)
    assert [message for message, _, _ in b.logs()] == [START_LINE[0] + "!", "{}!", "text!"]
    assert seen == ["{}", "text", START_LINE[0]]


@pytest.mark.parametrize(
    ("off", "left"),
    [
        (set(), "ISER"),
        ({"start"}, "IER"),
        ({"end"}, "ISR"),
        ({"report"}, "ISE"),
        ({"init_start"}, "SER"),
        ({"start", "end", "report"}, "I"),
    ],
)
def test_platform_lines_can_be_left_out_by_kind(bench, off, left):
    b = bench(drop_platform_lines=frozenset(off))
    b.take(INIT_START, START, ("function", "orphans still get their owner"), DONE, REPORT)
    logs = b.logs()
    assert sorted(message[0] for message, _, _ in logs) == sorted(left + "o")
    assert {request_id for _, _, request_id in logs} == {ID}
    assert b.statistics.dropped == ({"platform_line_off": len(off)} if off else {})


def test_lines_are_sampled_by_their_status_and_platform_lines_never(bench):
    draws = itertools.cycle([0.0, 0.5, 0.99])
    b = bench(sample={"info": 0.5, "debug": 0.0}, random=lambda: next(draws))
    b.take(
        START, *[("function", str(number)) for number in range(6)], ("function", {"level": "DEBUG"}), ("function", {"level": "ERROR"}), DONE
    )
    assert [message for message, _, _ in b.logs()] == [START_LINE[0], "0", "3", '{"level":"ERROR"}', END_LINE[0]]
    assert b.statistics.dropped == {"sampled": 5}


# --- facts


def test_out_of_memory_lines_are_facts_with_their_request(bench):
    b = bench()
    facts = b.take(
        ("function", "MemoryError"),
        START,
        ("function", "fatal error: runtime: out of memory"),
        ("function", {"requestId": "own", "message": "java.lang.OutOfMemoryError"}),
        DONE,
        ("function", "RequestId: x Error: Runtime exited with error: signal: killed"),
        ("extension", '{"status":"DEBUG","message":"DD_EXTENSION | DEBUG | MemoryError"}'),
        REPORT,
        ("extension", "MemoryError"),
    )
    assert facts.out_of_memory == ((None, 1673061827), (ID, 1673061827), ("own", 1673061827), (ID, 1673061827), (None, 1673061827))
    assert b.take().out_of_memory == ()


def test_out_of_memory_is_seen_before_any_rule_and_with_logs_switched_off(bench):
    for settings in ({"apply_rules": lambda text: None}, {"enabled": False}, {"sample": {"info": 0.0}}):
        b = bench(**settings)
        assert b.take(START, ("function", "MemoryError")).out_of_memory == ((ID, 1673061827),)
        assert "MemoryError" not in str(b.logs())


def test_switched_off_nothing_is_kept(bench):
    b = bench(enabled=False)
    b.take(INIT_START, ("function", "a"), START, ("function", {"a": 1}), DONE, REPORT)
    b.shutdown()
    assert b.logs() == []
    assert b.statistics.dropped == {}


def test_what_the_platform_lost_is_a_fact_and_a_warning(bench):
    facts = bench().take(("platform.logsDropped", {"reason": "BufferFull", "droppedRecords": 3, "droppedBytes": 1024}))
    assert facts.logs_dropped == (LogsDroppedFields("BufferFull", 3, 1024),)
    assert len(facts.warnings) == 1
    assert all(part in facts.warnings[0] for part in ("BufferFull", "3", "1024"))


def test_over_the_budget_the_oldest_lines_go_with_one_warning_per_flush_and_platform_lines_stay(bench):
    b = bench(queue_bytes_max=3000)
    warnings = [b.take(START, *[("function", f"{number} " + "x" * 100) for number in range(10)]).warnings for _ in range(3)]
    assert [len(each) for each in warnings] == [1, 0, 0]
    statistics = b.statistics
    assert statistics.entry_bytes <= 3000
    assert statistics.dropped["budget"] + statistics.entries == statistics.taken == 33
    messages = [message for message, _, _ in b.logs()]
    assert messages[:3] == [START_LINE[0]] * 3
    assert messages[-1].startswith("9 ")
    assert b.take(START).warnings == (), "nothing was lost since"


def test_enough_waiting_asks_for_an_early_flush(bench):
    b = bench()
    assert not b.take(START, ("function", "x" * 1000)).flush_early
    assert b.take(*[("function", "x" * 100_000)] * 42).flush_early
    b.pipeline.seal()
    assert not b.take(("function", "x")).flush_early


# --- durable functions

DURABLE_INIT = ("platform.initStart", {"runtimeVersion": "python:3.14.DurableFunction.v6"})
EXECUTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/exec-name/exec-id"
SDK_MEMBERS = {"durable_function.execution_id": "exec-id", "durable_function.execution_name": "exec-name"}


@pytest.mark.parametrize("ids_max", [0, 50])
@pytest.mark.parametrize("init", [DURABLE_INIT, INIT_START, None])
def test_a_log_of_the_durable_sdk_is_sent_at_once_with_its_execution(bench, ids_max, init):
    b = bench(durable_ids_max=ids_max, managed=True)
    b.take(*([init] if init else []), ("function", {"requestId": "r", "executionArn": EXECUTION_ARN}))
    assert b.sealed()[-1]["message"]["lambda"] == {"arn": "test-arn", "request_id": "r"} | SDK_MEMBERS


@pytest.mark.parametrize(
    ("managed", "record"), [(False, DONE), (True, ("platform.report", {"requestId": ID, "metrics": {"durationMs": 1}}))]
)
@pytest.mark.parametrize("status", ["SUCCEEDED", None])
def test_a_context_puts_the_execution_on_what_was_held(bench, managed, record, status):
    b = bench(durable_ids_max=50, managed=managed)
    b.take(DURABLE_INIT, START, ("function", {"requestId": ID}), record)
    assert [entry["message"]["message"][:5] for entry in b.sealed()] == ([] if not managed else ["INIT_"])
    assert b.statistics.held >= 3
    b.pipeline.learn_durable_context(ID, DurableContext("exec-id", "exec-name", status, True))
    owners = {entry["message"]["message"][:3]: entry["message"]["lambda"] for entry in b.sealed()}
    assert b.statistics.held == 0
    last = owners["REP" if managed else "END"]
    assert last["durable_function.first_invocation"] is True
    assert last.get("durable_function.execution_status") == status
    assert owners['{"r'] == {"arn": "test-arn", "request_id": ID} | SDK_MEMBERS


@pytest.mark.parametrize("ids_max", [0, 50])
@pytest.mark.parametrize("end", ["start", "shutdown"])
def test_an_orphan_of_the_durable_sdk_keeps_its_execution(bench, ids_max, end):
    b = bench(durable_ids_max=ids_max)
    b.take(("function", {"executionArn": EXECUTION_ARN}))
    assert b.statistics.orphans == 1
    if end == "start":
        b.take(START)
    else:
        b.shutdown()
    owners = [entry["message"]["lambda"] for entry in b.sealed()]
    assert {"arn": "test-arn", "request_id": ID if end == "start" else None} | SDK_MEMBERS in owners


def test_held_lines_go_after_half_a_minute(bench):
    b = bench(durable_ids_max=50)
    b.take(DURABLE_INIT, START, mono_ms=1_000)
    b.take(mono_ms=30_999)
    assert b.logs() == []
    b.take(mono_ms=31_000)
    assert [message[:5] for message, _, _ in b.logs()] == ["START", "INIT_"]


# --- what must always hold

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["MemoryError", '{"level":"x"}', "killed"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["ddtags", "level", "requestId"]), inner, max_size=3)
    ),
    max_leaves=8,
)
TYPES = ["function", "extension"] + [f"platform.{kind}" for kind in ("initStart", "start", "runtimeDone", "report", "logsDropped", "other")]
FIELDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("status", "metrics", "message", "errorType", "executionArn"), ANY_JSON) | {"requestId": st.sampled_from("abc")},
)
RECORDS = st.dictionaries(st.sampled_from(["time", "type", "record"]), ANY_JSON) | st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES), "record": FIELDS | ANY_JSON, "time": st.just("2023-01-07T03:23:47.000Z") | ANY_JSON}
)
SETTINGS = st.fixed_dictionaries(
    {
        "managed": st.booleans(),
        "durable_ids_max": st.sampled_from([0, 1, 5]),
        "apply_rules": st.sampled_from([None, lambda text: text if len(text) % 3 else None]),
        "sample": st.sampled_from([None, {"info": 0.5}]),
        "queue_bytes_max": st.sampled_from([0, 2000, 10**6]),
    }
)


@given(st.lists(st.lists(RECORDS, max_size=8), max_size=4), SETTINGS)
def test_records_of_any_shape_are_taken_and_what_comes_out_is_json_within_bounds(batches, settings):
    pipeline = LogsPipeline(arn="a", function_name="f", tags="t:u", **settings)
    now = Now(epoch_ms=1, mono_ms=1)
    for records in batches:
        pipeline.take(records, now)
        assert pipeline.statistics().entry_bytes <= settings["queue_bytes_max"] + 4 * 2**20
    pipeline.shutdown(now)
    statistics = pipeline.statistics()
    entries = [entry for body in pipeline.seal() for entry in json.loads(body.raw.decode("utf-8"))]
    assert (statistics.orphans, statistics.held, statistics.entries) == (0, 0, len(entries))
    for entry in entries:
        assert list(entry) == ["message", "hostname", "service", "ddtags", "ddsource"]
        assert list(entry["message"]) == ["message", "lambda", "timestamp", "status"]
        assert entry["message"]["status"] in STATUSES


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["function", "extension"]), st.sampled_from(["text", "object", "json"])),
        st.tuples(st.sampled_from(["platform.start", "platform.runtimeDone", "platform.report"]), st.sampled_from("abc")),
    ),
    max_size=40,
)


@given(STEPS, st.booleans(), st.sampled_from([0, 2]), st.integers(1, 7))
def test_every_line_comes_out_once_and_the_lines_of_one_source_stay_in_order(steps, managed, durable_ids_max, batch_size):
    """In order per request id, as holding moves whole requests; the lines that no request owns are in order among themselves."""
    pipeline = LogsPipeline(arn="a", function_name="f", tags="", managed=managed, durable_ids_max=durable_ids_max)
    records = []
    for number, (kind, detail) in enumerate(steps):
        if kind.startswith("platform"):
            records.append({"type": kind, "record": {"requestId": detail}})
        else:
            forms = {"text": f"#{number}#", "object": {"n": f"#{number}#"}, "json": f'{{"n":"#{number}#"}}'}
            records.append({"type": kind, "record": forms[detail]})
    now = Now(epoch_ms=1, mono_ms=1)
    for start in range(0, len(records), batch_size):
        pipeline.take(records[start : start + batch_size], now)
    pipeline.shutdown(now)
    by_owner = {}
    for body in pipeline.seal():
        for entry in json.loads(body.raw):
            text, owner = entry["message"]["message"], entry["message"]["lambda"]["request_id"]
            if "#" in text:
                by_owner.setdefault(owner, []).append(int(text.split("#")[1]))
    assert sorted(itertools.chain(*by_owner.values())) == [n for n, (kind, _) in enumerate(steps) if not kind.startswith("platform")]
    assert all(numbers == sorted(numbers) for numbers in by_owner.values())


def test_what_is_nested_too_deep_to_be_written_costs_only_itself(bench):
    deep: dict[str, object] = {}
    for _ in range(200_000):
        deep = {"a": deep}
    b = bench()
    b.take(START, ("function", deep), ("function", "next"))
    assert b.logs() == [START_LINE, ("next", "info", ID)]
    assert b.statistics.dropped == {"too_deep": 1}
    while deep:  # taken apart by hand: freeing it at once would be recursive too
        deep = deep.pop("a")
