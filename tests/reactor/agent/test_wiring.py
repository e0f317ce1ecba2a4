"""From settings to pipelines: what is counted from which record, and with which tags."""

import json

import pytest

from fsm.time import Now
from reactor.agent.ledger import Ledger
from reactor.agent.wiring import Pipelines

NOW = Now(1_700_000_000_000, 5_000)


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def said():
    return []


@pytest.fixture
def pipelines_of(settings_of, sandbox, ledger, said):
    def pipelines_of(**changes):
        settings = settings_of(**changes)
        return Pipelines(settings, sandbox, "x86_64", "123456789012", lambda: 0.0, ledger, lambda *line: said.append(line), NOW)

    return pipelines_of


@pytest.fixture
def pipelines(pipelines_of):
    return pipelines_of()


def metric_names(bodies):
    """Every name that stands in the bodies of metrics."""
    known = (b"invocations", b"errors", b"timeouts", b"out_of_memory", b"runtime_duration", b"produced_bytes", b"billed_duration")
    known += (b"max_memory_used", b"estimated_cost", b"init_duration", b"snapstart_restore_duration", b"shutdowns", b"unused_init")
    raw = b"".join(body.raw for body in bodies if body.kind in ("series", "sketches"))
    return {name.decode() for name in known if b"aws.lambda.enhanced." + name in raw}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (lambda p, r: p.count_invocation("a", NOW), {"invocations"}),
        (lambda p, r: p.count_runtime(r.done("a"), NOW), {"runtime_duration", "produced_bytes"}),
        (lambda p, r: p.count_runtime(r.done("a", status="error"), NOW), {"runtime_duration", "produced_bytes", "errors"}),
        (lambda p, r: p.count_runtime(r.done("a", status="timeout"), NOW), {"runtime_duration", "produced_bytes", "errors", "timeouts"}),
        (lambda p, r: p.count_report(r.report("a"), NOW), {"billed_duration", "max_memory_used", "estimated_cost"}),
        (lambda p, r: p.count_shutdown(NOW), {"shutdowns", "unused_init"}),
        (lambda p, r: p.take_records([r.platform("initReport", metrics={"durationMs": 5.0})], NOW), {"init_duration"}),
        (lambda p, r: p.take_records([r.platform("restoreReport", metrics={"durationMs": 5.0})], NOW), {"snapstart_restore_duration"}),
        (lambda p, r: p.take_records([r.platform("restoreReport", status="failure")], NOW), set()),
        (lambda p, r: p.take_records([r.line("MemoryError")], NOW), {"out_of_memory"}),
        (lambda p, r: p.take_records([r.platform("somethingNew", requestId="a")], NOW), set()),
    ],
)
def test_what_is_counted_from_what(pipelines, records, count, expected):
    count(pipelines, records)
    assert metric_names(pipelines.seal(NOW)) == expected


@pytest.mark.parametrize("fields", [{"metrics": "none"}, {"metrics": []}, {"spans": {}}, {"spans": [7]}, {"status": 7}, {"errorType": []}])
def test_fields_of_a_strange_type_cost_themselves_alone(pipelines, records, ledger, fields):
    record = records.done("a")
    pipelines.count_runtime(record | {"record": record["record"] | fields}, NOW)
    record = records.report("a")
    pipelines.count_report(record | {"record": record["record"] | fields}, NOW)
    assert ledger.statistics().noted == {}


def test_a_record_without_a_time_counts_now(pipelines, records):
    record = records.done("a") | {"time": "yesterday"}
    pipelines.count_runtime(record, NOW)
    assert "runtime_duration" in metric_names(pipelines.seal(NOW))


def test_logs_come_first_and_carry_the_functions_identity(pipelines, records):
    pipelines.take_records([records.start("a"), records.line("hello")], NOW)
    pipelines.count_invocation("a", NOW)
    bodies = pipelines.seal(NOW)
    assert bodies[0].kind == "logs"
    entries = json.loads(bodies[0].raw)
    assert entries[1]["message"]["message"] == "hello"
    assert entries[1]["message"]["lambda"] == {
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:my-function",
        "request_id": "a",
    }
    assert "functionname:my-function" in entries[1]["ddtags"]


def test_what_was_sealed_is_not_sealed_again(pipelines, records):
    pipelines.take_records([records.start("a"), records.line("hello")], NOW)
    pipelines.take_datagrams([b"m:1|c"], NOW)
    assert pipelines.seal(NOW)
    assert pipelines.seal(NOW) == []


def test_without_logs_no_line_is_kept_but_facts_are(pipelines_of, records):
    pipelines = pipelines_of(DD_SERVERLESS_LOGS_ENABLED="false")
    pipelines.take_records([records.start("a"), records.line("MemoryError")], NOW)
    bodies = pipelines.seal(NOW)
    assert {body.kind for body in bodies}.isdisjoint({"logs"})
    assert metric_names(bodies) == {"out_of_memory"}


def test_without_enhanced_metrics_the_customers_own_still_go(pipelines_of, records):
    pipelines = pipelines_of(DD_ENHANCED_METRICS="false")
    pipelines.count_invocation("a", NOW)
    pipelines.take_datagrams([b"m:1|c"], NOW)
    raw = b"".join(body.raw for body in pipelines.seal(NOW))
    assert b"aws.lambda.enhanced.invocations" not in raw
    assert b"m" in raw


def test_rules_from_the_settings_are_applied(pipelines_of, records):
    rules = '[{"type":"exclude_at_match","name":"quiet","pattern":"secret"}]'
    pipelines = pipelines_of(DD_LOGS_CONFIG_PROCESSING_RULES=rules)
    pipelines.take_records([records.start("a"), records.line("a secret"), records.line("no more")], NOW)
    raw = b"".join(body.raw for body in pipelines.seal(NOW))
    assert b"no more" in raw
    assert b"a secret" not in raw


def test_what_the_platform_dropped_is_counted_and_said(pipelines, records, ledger, said):
    pipelines.take_records([records.platform("logsDropped", reason="BufferFull", droppedRecords=3, droppedBytes=1024)], NOW)
    assert ledger.statistics().dropped == {"telemetry record: by the platform: BufferFull": 3}
    assert [level for level, _ in said] == ["WARN"]


def test_at_the_end_the_pipelines_own_losses_are_taken_over_with_their_reasons(pipelines_of, records, ledger):
    pipelines = pipelines_of(DD_LOGS_CONFIG_PROCESSING_RULES='[{"type":"exclude_at_match","name":"quiet","pattern":"secret"}]')
    pipelines.take_records([records.start("a"), records.line("a secret")], NOW)
    pipelines.take_datagrams([b"m:nonsense|c", b"no colon"], NOW)
    for number in range(12):
        pipelines.take_datagrams([b"\n".join(b"m%d:1|c" % (number * 1_000 + n) for n in range(1_000))], NOW)
    pipelines.account(NOW)
    statistics = ledger.statistics()
    assert statistics.dropped["log line: rule"] == 1
    assert statistics.dropped["metric sample: too many contexts"] == 12_000 - 10_240
    assert sum(statistics.refused.values()) == 2
    assert all(name.startswith("metric line: ") for name in statistics.refused)


def test_invocations_that_a_library_counts_as_well_are_no_loss(pipelines, ledger):
    pipelines.take_datagrams([b"aws.lambda.enhanced.invocations:1|d|#runtime:nodejs20.x"] * 3, NOW)
    assert pipelines.own_losses(NOW) == {}
    pipelines.account(NOW)
    assert (ledger.line(), ledger.statistics().noted) == ("", {"metric lines: counted_by_the_extension": 3})


def test_a_flood_of_contexts_is_nearly_full_until_it_is_sealed(pipelines):
    assert not pipelines.is_nearly_full
    for number in range(10):
        pipelines.take_datagrams([b"\n".join(b"m%d:1|c" % (number * 1_000 + n) for n in range(1_000))], NOW)
    assert pipelines.is_nearly_full
    pipelines.seal(NOW)
    assert not pipelines.is_nearly_full


@pytest.mark.parametrize("status", [None, 7, ""])
def test_an_end_that_does_not_say_how_it_was_is_no_failure(pipelines, records, status):
    record = records.done("a")
    pipelines.count_runtime(record | {"record": record["record"] | {"status": status}}, NOW)
    assert metric_names(pipelines.seal(NOW)) == {"runtime_duration", "produced_bytes"}


def test_metrics_that_find_no_room_are_told_once_for_each_flush(pipelines, said):
    pipelines.take_datagrams([f"m{number}:1|c".encode() for number in range(10_243)], NOW)
    for _ in range(2):
        pipelines.seal(NOW)
    assert said == [("WARN", "3 metric samples are lost: more metrics at once than are kept")]


def test_a_line_that_cannot_be_used_is_shown_once_for_each_reason(pipelines, said):
    pipelines.take_datagrams([b"m:1|c", b"queue size:many|g", b"m:few|c", b"\xffm:1|c", b"aws.lambda.enhanced.invocations:1|d"], NOW)
    for _ in range(2):
        pipelines.seal(NOW)
        pipelines.take_datagrams([b"m:none|c", b"long|" + b"x" * 9_000], NOW)
    told = "this metric cannot be used as it is, or not all of it ({}; told once, counted always): {}"
    assert said == [
        ("WARN", told.format("value", "queue size:many|g")),
        ("WARN", told.format("not_utf8", r"\xffm:1|c")),
        ("WARN", told.format("format", "long|" + "x" * 195)),
    ]


def test_a_line_of_which_a_part_is_left_out_is_shown_too(pipelines, said):
    tags = ",".join(f"tag{number}" for number in range(101))
    pipelines.take_datagrams([b"m:1:x|c", f"m:1|g|#{tags}".encode(), b"m:1|c|T5"], NOW)
    pipelines.seal(NOW)
    assert [text.split("(")[1].split(";")[0] for _, text in said] == ["value", "tags_over_100", "timestamp_too_old"]
