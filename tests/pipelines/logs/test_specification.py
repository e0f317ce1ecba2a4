"""Every example of the specification (logs 2.1, 3, 4, 5, 6, 8) through the whole pipeline: records in, entries out.

Where we do better than the reference on purpose, the row says so.
"""

import json

import pytest

from fsm.time import Now
from pipelines.logs.held import DurableContext
from pipelines.logs.rules import EXCLUDE, INCLUDE, MASK, Rule, compile_rules

ID = "test-request-id"
START = ("platform.start", {"requestId": ID, "version": "test-version"})
START_TEXT = f"START RequestId: {ID} Version: test-version"
OD_REPORT = {"durationMs": 100.0, "billedDurationMs": 128, "memorySizeMB": 256, "maxMemoryUsedMB": 64, "initDurationMs": 50.0}
TAGS = "added_tag1:added_value1,added_tag2:added_value2"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def done(status, duration_ms=100.0):
    return ("platform.runtimeDone", {"requestId": ID, "status": status, "metrics": {"durationMs": duration_ms}})


def report(duration_ms, status, error_type=None):
    fields = {"requestId": ID, "status": status, "metrics": {"durationMs": duration_ms}}
    return ("platform.report", fields if error_type is None else fields | {"errorType": error_type})


# --- 2.1


@pytest.mark.parametrize(
    ("managed", "record", "message", "status", "request_id"),
    [
        (False, ("function", "test-function"), "test-function", "info", None),
        (False, ("extension", "test-extension"), "test-extension", "info", None),
        (
            False,
            ("platform.initStart", {"runtimeVersion": "test-runtime-version", "runtimeVersionArn": "test-runtime-version-arn"}),
            "INIT_START Runtime Version: test-runtime-version Runtime Version ARN: test-runtime-version-arn",
            "info",
            None,
        ),
        (False, START, START_TEXT, "info", ID),
        (False, done("success"), f"END RequestId: {ID}", "info", ID),
        (False, done("timeout", 5000.0), f"END RequestId: {ID} Task timed out after 5.00 seconds", "error", ID),
        (
            False,
            ("platform.report", {"requestId": ID, "status": "success", "metrics": OD_REPORT}),
            f"REPORT RequestId: {ID} Duration: 100.00 ms Runtime Duration: 0.00 ms Post Runtime Duration: 0.00 ms Billed Duration: 128 ms"
            " Memory Size: 256 MB Max Memory Used: 64 MB Init Duration: 50.00 ms",
            "info",
            ID,
        ),
        (True, report(123.45, "success"), f"REPORT RequestId: {ID} Runtime Duration: 123.45 ms", "info", ID),
        (
            True,
            report(200.0, "error", "RuntimeError"),
            f"REPORT RequestId: {ID} Runtime Duration: 200.00 ms Task failed: RuntimeError",
            "error",
            ID,
        ),
        (
            True,
            report(30000.0, "timeout"),
            f"REPORT RequestId: {ID} Runtime Duration: 30000.00 ms Task timed out after 30.00 seconds",
            "error",
            ID,
        ),
        (
            True,
            report(150.0, "error"),
            f"REPORT RequestId: {ID} Runtime Duration: 150.00 ms Task failed with an unknown error",
            "error",
            ID,
        ),
    ],
)
def test_records_and_their_lines(bench, managed, record, message, status, request_id):
    b = bench(arn="test-arn", managed=managed)
    b.take(record)
    b.shutdown()  # lets go of what waits for an owner
    (entry,) = b.sealed()
    assert entry["message"] == {
        "message": message,
        "lambda": {"arn": "test-arn", "request_id": request_id},
        "timestamp": 1673061827000,
        "status": status,
    }


def test_a_record_that_is_neither_text_nor_object_makes_no_log(bench):
    b = bench()
    b.take(START, ("function", 12))
    assert [message for message, _, _ in b.logs()] == [START_TEXT]
    assert b.statistics.dropped == {"unreadable": 1}


# --- 3


def rules(*rows):
    compiled, errors = compile_rules(tuple(Rule(kind, "name", *rest) for kind, *rest in rows))
    return compiled, errors


@pytest.mark.parametrize(
    ("settings", "records", "sent", "orphans"),
    [
        ({}, [("function", "line")], [], 1),
        ({}, [START, ("function", "line")], [(START_TEXT, ID), ("line", ID)], 0),
        (
            {"apply_rules": (EXCLUDE, "(START|END|REPORT) RequestId")},
            [("extension", "one"), ("function", "two"), START],
            [("one", ID), ("two", ID)],
            0,
        ),
        *(
            (
                {"managed": managed},
                [("function", {"requestId": "test-request-123", "message": "Hello World"})],
                [('{"requestId":"test-request-123","message":"Hello World"}', "test-request-123")],
                0,
            )
            for managed in (False, True)
        ),
        (
            {"managed": True},
            [("function", "a"), START, ("function", "b")],
            [("a", None), (START_TEXT, ID), ("b", None)],
            0,
        ),
        (
            {},
            [("platform.initStart", {}), START],
            [(START_TEXT, ID), ("INIT_START Runtime Version: ? Runtime Version ARN: ?", ID)],
            0,
        ),
    ],
)
def test_owners(bench, settings, records, sent, orphans):
    if "apply_rules" in settings:
        settings = settings | {"apply_rules": rules(settings["apply_rules"])[0].apply}
    b = bench(**settings)
    b.take(*records)
    assert [(message, request_id) for message, _, request_id in b.logs()] == sent
    assert b.statistics.orphans == orphans


# --- 4


def test_the_example_of_an_entry_key_by_key_and_byte_by_byte(bench):
    request_id, arn = "459921b5-681c-4a96-beb0-81e0aa586026", f"{ARN}my-function"
    tags = (
        "account_id:123456789012,architecture:x86_64,aws_account:123456789012,dd_extension_version:99-next,env:prod,"
        f"function_arn:{arn},functionname:my-function,memorysize:128,region:us-east-1,resource:my-function,service:my-service"
    )
    b = bench(arn=arn, service="my-service", tags=tags)
    b.pipeline.take([b.record("platform.start", {"requestId": request_id}, time="2022-10-21T14:05:03.165Z")], Now(epoch_ms=0, mono_ms=0))
    (body,) = b.pipeline.seal()
    assert body.raw.decode() == (
        f'[{{"message":{{"message":"START RequestId: {request_id} Version: $LATEST",'
        f'"lambda":{{"arn":"{arn}","request_id":"{request_id}"}},"timestamp":1666361103165,"status":"info"}},'
        f'"hostname":"{arn}","service":"my-service","ddtags":"{tags}","ddsource":"lambda"}}]'
    )


# --- 5


@pytest.mark.parametrize("kind", ["function", "extension"])
@pytest.mark.parametrize(
    ("text", "message", "status", "tags"),
    [
        (
            f'{{"message":{{"custom_details": "my-structured-message","ddtags":"{TAGS}"}}}}',
            '{"custom_details":"my-structured-message"}',
            "info",
            f",{TAGS}",
        ),
        ('{"message":{"custom_details":"my-structured-message"},"my_other_details":"included"}', None, "info", ""),
        (
            '{"level":"WARN","message":"warning with tags","ddtags":"env:staging,team:backend"}',
            '{"level":"WARN","message":"warning with tags"}',
            "warn",
            ",env:staging,team:backend",
        ),
        ('{"timestamp":"2025-08-27T10:25:22.244Z","level":"FATAL","message":"Fatal error"}', None, "critical", ""),
        ('{"status":"error","message":"something failed"}', None, "error", ""),
        ('{"level":"WARN","status":"error","message":"both fields"}', None, "warn", ""),
        ('{"level":42,"message":"m"}', None, "info", ""),
        ('{"level":null,"message":"m"}', None, "info", ""),
        ('{"level":true,"message":"m"}', None, "info", ""),
        ('{"level":"VERBOSE","message":"m"}', None, "info", ""),
        ('{"message":"m"}', None, "info", ""),
        ('{"level":"ERROR","message":"DD_EXTENSION | ERROR | Extension loop failed"}', None, "error", ""),
        ('{"status":"DEBUG","message":"DD_EXTENSION | DEBUG | said by ourselves"}', None, "debug", ""),
        # Better than the reference: the outer members stay, and empty tags leave nothing behind.
        ('{"a":1,"message":{"b":2,"ddtags":"t:u"},"c":3}', '{"a":1,"message":{"b":2},"c":3}', "info", ",t:u"),
        ('{"a":1,"ddtags":""}', '{"a":1}', "info", ""),
    ],
)
def test_structure_of_a_text(bench, kind, text, message, status, tags):
    b = bench(tags="base:tag")
    b.take(START, (kind, text))
    entry = b.sealed()[1]
    assert (entry["message"]["message"], entry["message"]["status"]) == (text if message is None else message, status)
    assert entry["ddtags"] == f"base:tag{tags}"
    as_object = bench(tags="base:tag")
    as_object.take(START, (kind, json.loads(text)))
    compact = json.dumps(json.loads(text if message is None else message), separators=(",", ":"))
    assert as_object.sealed()[1] == {**entry, "message": {**entry["message"], "message": compact}}, "an object is its compact JSON"


def test_the_end_of_a_timeout_stays_an_error(bench):
    b = bench()
    b.take(done("timeout"))
    assert b.logs()[0][1] == "error"


# --- 6


@pytest.mark.parametrize(
    ("rule", "texts", "sent"),
    [
        ((MASK, "replace-me", "test-placeholder"), ["do-not-replace replace-me"], ["do-not-replace test-placeholder"]),
        ((EXCLUDE, "exclude-me"), ["exclude-me"], []),
        ((INCLUDE, "include-me"), ["include-me", "do-not-include-me"], ["include-me", "do-not-include-me"]),
        ((EXCLUDE, "("), ["any ( line"], ["any ( line"]),
    ],
)
def test_rules(bench, rule, texts, sent):
    compiled, errors = rules(rule)
    assert len(errors) == (rule[1] == "("), "better than the reference: an error for what does not compile"
    b = bench(managed=True, apply_rules=compiled.apply)
    b.take(*[("function", text) for text in texts])
    assert [message for message, _, _ in b.logs()] == sent


# --- 8

DURABLE = ("platform.initStart", {"runtimeVersion": "python:3.14.DurableFunction.v6"})
MEMBER = "durable_function."


@pytest.mark.parametrize(
    ("arn", "members"),
    [
        (
            f"{ARN}my-function:1/durable-execution/my-exec-name/exec-id-abc",
            {"execution_id": "exec-id-abc", "execution_name": "my-exec-name"},
        ),
        (f"{ARN}fn:$LATEST/durable-execution/exec-name/exec-uuid-123", {"execution_id": "exec-uuid-123", "execution_name": "exec-name"}),
        (f"{ARN}fn:1", {}),
        (f"{ARN}fn:1/durable-execution/only-name", {}),
    ],
)
@pytest.mark.parametrize("before", [[], [DURABLE]])
def test_a_log_of_the_durable_sdk_goes_at_once_and_others_wait(bench, before, arn, members):
    b = bench(durable_ids_max=50, managed=True)
    b.take(*before, ("function", {"requestId": "req-123", "executionArn": arn}))
    found = [entry["message"]["lambda"] for entry in b.sealed() if "executionArn" in entry["message"]["message"]]
    expected = {"arn": "test-arn", "request_id": "req-123"} | {MEMBER + key: value for key, value in members.items()}
    assert found == ([expected] if members else [])
    assert b.statistics.held == (0 if members else 1)


@pytest.mark.parametrize(("managed", "record"), [(False, done("success")), (True, report(1.0, "success"))])
@pytest.mark.parametrize("status", ["SUCCEEDED", None])
def test_the_last_platform_line_says_how_the_execution_stands(bench, managed, record, status):
    b = bench(durable_ids_max=50, managed=managed)
    b.pipeline.learn_durable_context(ID, DurableContext("exec-id", "exec-name", status))
    b.take(DURABLE, record)
    owner = next(entry["message"]["lambda"] for entry in b.sealed() if ID in entry["message"]["message"])
    assert owner.get("durable_function.execution_status") == status
    assert ("durable_function.execution_status" in owner) == (status is not None)
