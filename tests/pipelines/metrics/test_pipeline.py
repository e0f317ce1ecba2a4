"""From datagrams and happenings to bodies (specification, metrics 3.4, 3.5, 5), and against a recorded run of the reference."""

import json
import pathlib
import subprocess
import sys

import attrs
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from pipelines.metrics.enhanced import EnhancedSettings
from pipelines.metrics.pipeline import MetricsPipeline, MetricsSettings

NOW_S = 1_795_442_416
BUCKET_S = 1_795_442_410
ENHANCED = EnhancedSettings("on-demand", "x86_64", started_at_ms=NOW_S * 1000)
FUNCTION_TAGS = {"function_arn": "arn:aws:lambda:us-east-1:1:function:orders-api", "region": "us-east-1", "env": "lab"}
BASE = ["env:lab", "function_arn:arn:aws:lambda:us-east-1:1:function:orders-api", "region:us-east-1"]

RECORDED = [
    b"orders.count:1|c|#kind:a,zone:b",
    b"orders.count:2|c|#zone:b,kind:a",
    b"orders.count:5|c|@0.5|#kind:a,zone:b",
    b"cart.size:10|g",
    b"cart.size:12|g",
    *(b"latency:%s|d|#p:x" % value for value in (b"1", b"2", b"3.5", b"0", b"-4")),
    b"hist:7|h",
    b"timer:320|ms",
    b"users:42|s",
    b"users:43|s",
    b"multi:1:2:3|d",
    b"sampled:10|d|@0.25",
    b"a.b:1|c\nc.d:2|c\ne.f:3|g",
    b"jvm.heap:55|g",
    b"aws.custom:1|c",
    b"datadog.tracer.x:1|c",
    b"ts:9|c|T1700000000",
    b"cid:1|c|#a:b|c:in-1234",
    *(b"bad line", b"nocolon|c", b"x:abc|c", b"y:1|zz", b"", b":1|c", b"_e{5,4}:title|text|#a:b", b"_sc|svc|0|#a:b", b"good.after.bad:1|c"),
    "ünïcode:1|c|#tag:välue".encode(),
    b"tagless:1|c|#",
    b"dup:1|c|#a:1,a:1,b:2",
    *(b"many:%d|d" % number for number in range(500)),
]


def made(**changes):
    pipeline = MetricsPipeline(attrs.evolve(MetricsSettings(ENHANCED), **changes))
    pipeline.set_function_tags(FUNCTION_TAGS)
    return pipeline


def reader_of_sketches():
    """The library's reader for the few fields looked at here."""
    file = descriptor_pb2.FileDescriptorProto(name="few.proto", package="t", syntax="proto3")
    tables = {
        "Origin": [("category", 5, 13, 1, None), ("service", 6, 13, 1, None)],
        "Metadata": [("origin", 1, 11, 1, "Origin")],
        "Dog": [("ts", 1, 3, 1, None), ("cnt", 2, 3, 1, None), ("min", 3, 1, 1, None), ("sum", 6, 1, 1, None), ("k", 7, 17, 3, None)],
        "Sketch": [("metric", 1, 9, 1, None), ("tags", 4, 9, 3, None), ("dogs", 7, 11, 3, "Dog"), ("metadata", 8, 11, 1, "Metadata")],
        "Payload": [("sketches", 1, 11, 3, "Sketch")],
    }
    for name, fields in tables.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, label, of in fields:
            field = message.field.add(name=field_name, number=number, label=label, type=kind)
            if of:
                field.type_name = f".t.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Payload"))


Payload = reader_of_sketches()


def series_of(bodies):
    return [item for body in bodies if body.kind == "series" for item in json.loads(body.raw)["series"]]


def sketches_of(bodies):
    return [sketch for body in bodies if body.kind == "sketches" for sketch in Payload.FromString(body.raw).sketches]


def test_the_recorded_datagrams_give_the_recorded_points_and_what_the_reference_left_out():
    pipeline = made()
    pipeline.take(RECORDED, NOW_S)
    bodies = pipeline.seal()
    assert {item["metric"]: item["points"] for item in series_of(bodies)} == {
        name: [{"timestamp": BUCKET_S, "value": value}]
        for name, value in {
            "aws.custom": 1.0,
            "cart.size": 12.0,
            "a.b": 1.0,
            "c.d": 2.0,
            "e.f": 3.0,
            "good.after.bad": 1.0,
            "jvm.heap": 55.0,
            "datadog.tracer.x": 1.0,
            "orders.count": 13.0,  # 1 + 2 + 5 / 0.5; the reference says 8
            "cid": 1.0,
            "dup": 1.0,
            "ünïcode": 1.0,
            "tagless": 1.0,
            "users": 2.0,
        }.items()
    }
    assert {(s.metric, s.dogs[0].cnt, s.dogs[0].min, s.dogs[0].sum, s.dogs[0].ts) for s in sketches_of(bodies)} == {
        ("latency", 5, -4, 2.5, BUCKET_S),
        ("many", 500, 0, 124750, BUCKET_S),
        ("multi", 3, 1, 6, BUCKET_S),
        ("sampled", 4, 10, 40, BUCKET_S),
        ("hist", 1, 7, 7, BUCKET_S),
        ("timer", 1, 320, 320, BUCKET_S),
    }
    assert [(body.kind, body.items) for body in bodies] == [("series", 14), ("sketches", 6), ("event", 1), ("checks", 1)]
    assert pipeline.statistics().datagrams.refused == {"timestamp_too_old": 1, "format": 3, "value": 1, "type": 1}


def test_the_same_from_the_recording_itself():
    recording = pathlib.Path(__file__).parents[3] / ".." / "shared" / "recordings" / "custom_metrics.json"
    if not recording.exists():
        pytest.skip("the recordings are not here")
    document = json.loads(recording.read_text())
    pipeline = made()
    for step in document["inputs"]:
        if step["in"] == "udp":
            pipeline.take([datagram.encode() for datagram in step["datagrams"]], NOW_S)
    bodies = pipeline.seal()
    points = {item["metric"]: (item["points"], item["metadata"]) for item in series_of(bodies)}
    for output in document["outputs"]:
        for item in output["document"].get("series", []) if output["out"] == "series" else []:
            if item["metric"] not in ("ts", "orders.count"):  # too old; sampled
                assert points[item["metric"]] == (item["points"], item["metadata"])
    sketches = {sketch.metric: sketch for sketch in sketches_of(bodies)}
    for output in document["outputs"]:
        for item in output["document"].get("sketches", []) if output["out"] == "sketches" else []:
            if item["metric"] in ("latency", "many"):
                assert list(sketches[item["metric"]].dogs[0].k) == item["dogsketches"][0]["k"]


def test_base_tags_and_own_tags_are_sent_once_each_in_order():
    pipeline = made()
    pipeline.take([b"m:1|c|#zone:b,env:lab,env:other"], NOW_S)
    (item,) = series_of(pipeline.seal())
    assert item["tags"] == ["env:lab", "env:other", *BASE[1:], "zone:b"]


def test_excluded_keys_are_taken_from_custom_metrics_only_and_do_not_change_the_origin():
    pipeline = made(excluded_keys=frozenset({"function_arn", "region"}))
    pipeline.take([b"m:1|c|#region:mine", b"d:1|d", b"datadog.x:1|c"], NOW_S)
    pipeline.enhanced.invoked("a", NOW_S * 1000)
    bodies = pipeline.seal()
    by_name = {item["metric"]: item for item in series_of(bodies)}
    assert by_name["m"]["tags"] == ["env:lab", "region:mine"]
    assert by_name["m"]["metadata"]["origin"]["origin_sub_product"] == 38
    assert by_name["datadog.x"]["metadata"] is None
    own, custom = sketches_of(bodies)
    assert (own.metric, list(own.tags)) == ("aws.lambda.enhanced.invocations", ["cold_start:true", *BASE])
    assert (own.metadata.origin.category, own.metadata.origin.service) == (38, 473)
    assert (list(custom.tags), custom.metadata.origin.service) == (["env:lab"], 472)


def test_without_function_tags_the_origin_is_that_of_the_metrics_own_tags():
    pipeline = MetricsPipeline(MetricsSettings(ENHANCED))
    pipeline.take([b"m:1|c|#origin:cloudrun", b"n:1|c"], NOW_S)
    assert [item["metadata"] and item["metadata"]["origin"]["origin_sub_product"] for item in series_of(pipeline.seal())] == [36, None]


def test_of_more_than_100_base_tags_the_first_100_are_kept():
    pipeline = made()
    pipeline.set_function_tags({f"k{number:03d}": "v" for number in range(150)})
    pipeline.take([b"m:1|c|#zone:b"], NOW_S)
    (item,) = series_of(pipeline.seal())
    assert (len(item["tags"]), item["tags"][99], item["tags"][100]) == (101, "k099:v", "zone:b")


def test_a_flood_of_custom_contexts_costs_no_enhanced_metric():
    pipeline = made()
    pipeline.take([b"m:1|c|#n:%d" % number for number in range(20_000)], NOW_S)
    assert pipeline.is_nearly_full
    pipeline.enhanced.invoked("a", NOW_S * 1000)
    bodies = pipeline.seal()
    assert sum(body.items for body in bodies if body.kind == "series") == 10_240
    assert [sketch.metric for sketch in sketches_of(bodies)] == ["aws.lambda.enhanced.invocations"]
    assert pipeline.statistics().custom.refused_contexts == 20_000 - 10_240
    assert not pipeline.is_nearly_full


def test_nothing_collected_makes_no_body():
    assert made().seal() == []


def test_the_compressed_size_is_looked_at():
    pipeline = made()
    pipeline.take([b"m:1|c|#%d:%s" % (number, b"x" * 2000) for number in range(900)], NOW_S)
    bodies = pipeline.seal(compressed_size=len)
    assert (sum(body.items for body in bodies), max(len(body.raw) for body in bodies) <= 500_000) == (900, True)


def test_importing_the_pipeline_loads_neither_protobuf_nor_input_and_output():
    heavy = ("google", "trio", "ssl", "socket", "random")
    script = f"import sys, pipelines.metrics.pipeline; print([m for m in {heavy} if m in sys.modules])"
    root = pathlib.Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("lines", "path", "expected"),
    [
        (b"hits:1|c\nhits:2|c|#env:prod", "/api/v2/series", 3.0),
        (b"level:1|g\nlevel:2|g|#env:prod", "/api/v2/series", None),
    ],
)
def test_a_metric_that_repeats_a_base_tag_is_one_metric(lines, path, expected):
    pipeline = MetricsPipeline(MetricsSettings(EnhancedSettings("on-demand", "x86_64", 0)))
    pipeline.set_function_tags({"env": "prod"})
    pipeline.take([lines], 1_700_000_000)
    (body,) = [body for body in pipeline.seal() if body.path == path]
    (item,) = json.loads(body.raw)["series"]
    assert item["tags"] == ["env:prod"]
    assert expected in (None, item["points"][0]["value"])


def test_sketches_of_a_metric_that_repeats_a_base_tag_are_merged():
    pipeline = MetricsPipeline(MetricsSettings(EnhancedSettings("on-demand", "x86_64", 0)))
    pipeline.set_function_tags({"env": "prod"})
    pipeline.take([b"took:1|d\ntook:2|d|#env:prod\ntook:3|d|#env:prod\ntook:4|d|#env:prod"], 1_700_000_000)
    (body,) = [body for body in pipeline.seal() if body.kind == "sketches"]
    assert body.items == 1
