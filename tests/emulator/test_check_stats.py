"""What the intake sees in statistics that are well-formed and wrong all the same. Sketches are made with the emulator's own descriptors."""

import pytest

from emulator.check_stats import check_stats
from emulator.problems import Problems
from emulator.protobuf_schemas import hexadecimal, message_class

OWN = {"gamma": 1.015625, "index_offset": 1338.5}
TRACERS = {"gamma": 1.02, "index_offset": 0.0}


def summary(*counts, mapping=OWN, zeros=0.0, negative=()):
    sketch = message_class("DDSketch")(
        mapping=mapping,
        positive_values={"contiguous_bin_counts": counts, "contiguous_bin_index_offset": 2229},
        negative_values={"contiguous_bin_counts": negative},
        zero_count=zeros,
    )
    return hexadecimal(sketch.SerializeToString())


def group(**members):
    return {
        **dict.fromkeys(("Service", "Name", "Resource"), "x"),
        **dict.fromkeys(("Type", "DBType", "SpanKind", "GRPCStatusCode", "HTTPMethod", "HTTPEndpoint", "srv_src"), ""),
        **{name: [] for name in ("PeerTags", "SpanDerivedPrimaryTags", "AdditionalMetricTags")},
        **{"HTTPStatusCode": 0, "Hits": 3, "Errors": 1, "Duration": 5, "TopLevelHits": 1, "Synthetics": False, "IsTraceRoot": 1},
        **{"OkSummary": summary(2), "ErrorSummary": summary(1)},
        **members,
    }


def problems(*groups, **bucket):
    made = {"Start": 1_700_000_000 * 10**9, "Duration": 10**10, "AgentTimeShift": 0, "Stats": list(groups), **bucket}
    texts = ("Hostname", "Version", "Lang", "TracerVersion", "RuntimeID", "AgentAggregation", "Service", "ContainerID")
    client = {**dict.fromkeys((*texts, "GitCommitSha", "ImageTag", "ProcessTags"), ""), "Env": "prod", "Sequence": 0, "Tags": []}
    client |= {"ProcessTagsHash": 0, "Stats": [made]}
    frame = {"AgentHostname": "", "AgentEnv": "", "AgentVersion": "", "ClientComputed": True, "SplitPayload": False}
    found = Problems()
    check_stats({**frame, "Stats": [client]}, found)
    return found.sentences()


@pytest.mark.parametrize(
    "groups",
    [
        [group()],
        [group(), group(Resource="y"), group(IsTraceRoot=2), group(PeerTags=["a:b"])],
        [group(OkSummary=summary(1, zeros=1.0))],
        [group(OkSummary=summary(1, 0, 1, mapping=TRACERS), ErrorSummary=summary(mapping=TRACERS, negative=[1]))],
    ],
)
def test_statistics_of_any_tracer_and_of_the_extension_have_no_problem(groups):
    assert problems(*groups) == ()


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([group(), group(Hits=4, OkSummary=summary(3))], "group 'x' twice"),
        ([group(PeerTags=["peer"])], "a peer tag without a colon"),
        ([group(TopLevelHits=4)], "more top-level hits than hits"),
        ([group(OkSummary=summary(3))], "OkSummary: 3 values of 2 hits"),
        ([group(ErrorSummary=summary())], "ErrorSummary: 0 values of 1 hits"),
        ([group(OkSummary=summary(3, mapping=TRACERS))], "OkSummary: 3 values of 2 hits"),
        ([group(OkSummary=summary(3, -1))], "OkSummary: a count that is no count"),
        ([group(OkSummary=summary(float("nan")))], "OkSummary: a count that is no count"),
        ([group(OkSummary=summary(2, mapping={"gamma": 1.0}))], "OkSummary: gamma is 1.0"),
        ([group(OkSummary=summary(2, mapping={**OWN, "interpolation": 1}))], "OkSummary: interpolation is not NONE"),
        ([group(OkSummary=summary(1, negative=[1]))], "OkSummary: negative durations"),
        ([group(OkSummary=summary(2, *[0] * 2048))], "OkSummary: 2049 bins, more than 2048"),
    ],
)
def test_each_contradiction_is_a_problem(groups, words):
    found = problems(*groups)
    assert len(found) == 1
    assert words in found[0]


def test_a_bucket_that_lasts_no_time_is_a_problem():
    [problem] = problems(group(), Duration=0)
    assert "it lasts no time" in problem
