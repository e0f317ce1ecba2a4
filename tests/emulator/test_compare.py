"""Documents held against a recording: each kind of difference is found, and what cannot be the same is passed over."""

import copy
import json
import pathlib

import pytest

from emulator.compare import Leeway, compare_with_recording
from emulator.decode import WIRES
from emulator.problems import Problems

RECORDINGS = pathlib.Path(__file__).parents[3] / "shared" / "recordings"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def output(kind, document):
    return {"at_ms": 0.0, "out": kind, "path": f"/{kind}", "headers": {}, "bytes": 1, "document": document}


def outputs():
    count = {"metric": "hits", "points": [{"timestamp": 1656581400, "value": 3.0}], "type": 0, "tags": ["a:b", "dd_extension_version:1"]}
    sketches = [
        {"metric": name, "tags": ["a:b"], "dogsketches": [{"ts": 1656581400, "cnt": 1, "min": value, "max": value, "sum": value}]}
        for name, value in (("latency", 2.0), ("aws.lambda.enhanced.fd_use", 395.0))
    ]
    inner = {"message": "hi", "lambda": {"arn": ARN, "request_id": "r1"}, "timestamp": 1673061827000, "status": "info"}
    log = {"message": inner, "ddtags": "a:b,dd_extension_version:1"}
    span = {"service": "s", "name": "n", "resource": "r", "meta": {"k": "v", "dd_extension_version": "1"}}
    traces = {"tracer_payloads": [{"chunks": [{"spans": [span]}]}]}
    return [
        output("series", {"series": [count]}),
        output("sketches", {"sketches": sketches}),
        output("logs", [log]),
        output("traces", traces),
    ]


def with_change(position, path, value):
    changed = outputs()
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    owner = changed[position]["document"]
    for step in way:
        owner = owner[step]
    owner[last] = value
    return changed


@pytest.mark.parametrize(
    ("changed", "sentences"),
    [
        (with_change(0, "series/0/points/0/value", 4.0), ["count hits: value 3.0 recorded, 4.0 ours"]),
        (with_change(0, "series/0/metric", "x"), ["count hits: only recorded, with tags a:b", "count x: only ours, with tags a:b"]),
        (with_change(0, "series/0/tags", ["a:c"]), ["count hits: only recorded, with tags a:b", "count hits: only ours, with tags a:c"]),
        (with_change(0, "series/0/points/0/timestamp", 1656581430), ["count hits: bucket 1656581400 recorded, 1656581430 ours"]),
        (with_change(1, "sketches/0/dogsketches/0/cnt", 2), ["sketch latency: 1 values recorded, 2 ours"]),
        (with_change(1, "sketches/0/dogsketches/0/max", 3.0), ["sketch latency: max 2.0 recorded, 3.0 ours"]),
        (with_change(1, "sketches/0/dogsketches/0/sum", 3.0), ["sketch latency: sum 2.0 recorded, 3.0 ours"]),
        (with_change(1, "sketches/1/dogsketches/0/cnt", 2), ["sketch aws.lambda.enhanced.fd_use: 1 values recorded, 2 ours"]),
        (
            with_change(2, "0/message/timestamp", 1673061857000),
            ["log 'hi' (info, request r1, tags a:b): timestamps differ by up to 30000 ms"],
        ),
        (
            with_change(2, "0/message/status", "warn"),
            ["log 'hi' (info, request r1, tags a:b): 1 recorded, 0 ours", "log 'hi' (warn, request r1, tags a:b): 0 recorded, 1 ours"],
        ),
        (
            with_change(2, "0/message/lambda/request_id", None),
            ["log 'hi' (info, request r1, tags a:b): 1 recorded, 0 ours", "log 'hi' (info, request None, tags a:b): 0 recorded, 1 ours"],
        ),
        (
            with_change(3, "tracer_payloads/0/chunks/0/spans/0/meta/k", "w"),
            [
                "span s/n 'r' type '' error 0: 1 more recorded than ours; meta {'k': 'v'}",
                "span s/n 'r' type '' error 0: 1 more ours than recorded; meta {'k': 'w'}",
            ],
        ),
        (outputs() + outputs()[2:3], ["log 'hi' (info, request r1, tags a:b): 1 recorded, 2 ours"]),
    ],
)
def test_each_difference_is_found_and_named(changed, sentences):
    assert compare_with_recording(outputs(), changed) == sentences


@pytest.mark.parametrize(
    "changed",
    [
        outputs()[::-1],
        with_change(0, "series/0/tags", ["dd_extension_version:2", "a:b"]),
        with_change(0, "series/0/points/0/timestamp", 1656581410),
        with_change(1, "sketches/1/dogsketches/0/max", 7.0),
        with_change(2, "0/ddtags", "dd_extension_version:2,a:b"),
        with_change(2, "0/message/timestamp", 1673061827999),
        with_change(3, "tracer_payloads/0/chunks/0/spans/0/meta/dd_extension_version", "2"),
    ],
)
def test_order_machine_values_and_small_delays_are_passed_over(changed):
    assert compare_with_recording(outputs(), changed) == []


def test_contexts_that_only_an_ignored_tag_keeps_apart_are_one():
    split = outputs()
    low, high = (copy.deepcopy(split[1]["document"]["sketches"][0]) for _ in range(2))
    low["tags"], high["tags"] = ["a:b", "dd_extension_version:1"], ["a:b", "dd_extension_version:2"]
    high["dogsketches"] = [{"ts": 1656581400, "cnt": 2, "min": 3.0, "max": 5.0, "sum": 8.0}]
    split[1]["document"]["sketches"][0:1] = [low, high]
    joined = with_change(1, "sketches/0/dogsketches", [{"ts": 1656581400, "cnt": 3, "min": 2.0, "max": 5.0, "sum": 10.0}])
    assert compare_with_recording(joined, split) == []


def test_what_the_leeway_names_is_passed_over():
    shifted = with_change(2, "0/message/timestamp", 1673061827000 + 3_600_000)
    assert len(compare_with_recording(outputs(), shifted, Leeway(ignored_metrics=("*",)))) == 1
    assert len(compare_with_recording(outputs(), shifted, Leeway(shift_ms=3_600_000))) == 3  # the metrics have not moved
    assert compare_with_recording(outputs(), shifted, Leeway(shift_ms=3_600_000, ignored_metrics=("*",))) == []
    assert compare_with_recording(outputs(), shifted, Leeway(ignored_logs=("h*",))) == []


def test_an_item_of_ours_that_cannot_be_read_is_a_difference():
    assert compare_with_recording(outputs(), [*outputs(), output("logs", [7])])[0].startswith("ours: an item of logs cannot be read")


def recordings():
    return sorted(RECORDINGS.glob("*.json"))


@pytest.mark.skipif(not recordings(), reason="the recordings are not here")
def test_a_recording_equals_itself_and_not_itself_without_one_document():
    for path in recordings():
        recorded = json.loads(path.read_text())["outputs"]
        assert compare_with_recording(recorded, copy.deepcopy(recorded)) == []
        assert compare_with_recording(recorded, recorded[1:])


@pytest.mark.skipif(not recordings(), reason="the recordings are not here")
def test_the_checks_find_in_recordings_only_what_the_reference_is_known_to_do_wrong():
    known = ("tag twice: init_type:", "type is not 1 or 2 or 3: 0", "a count or rate whose interval is not 10")
    for path in recordings():
        for each in json.loads(path.read_text())["outputs"]:
            found = Problems()
            WIRES[each["out"]].check(each["document"], found)
            assert [sentence for sentence in found.sentences() if not any(words in sentence for words in known)] == []
