"""What an invocation's span tells of a durable execution (specification, traces 5.4)."""

import pytest

from pipelines.traces.durable import DurableFact, durable_fact

DURABLE = {"request_id": "r", "aws.durable.execution_id": "id", "aws.durable.execution_name": "name"}


@pytest.mark.parametrize(
    ("name", "meta", "fact"),
    [
        ("aws.lambda", DURABLE, DurableFact("r", "id", "name", None, None)),
        (
            "aws.lambda",
            DURABLE | {"aws.durable.first_invocation": "true", "aws.durable.execution_status": "SUCCEEDED"},
            DurableFact("r", "id", "name", True, "SUCCEEDED"),
        ),
        ("aws.lambda", DURABLE | {"aws.durable.first_invocation": "no"}, DurableFact("r", "id", "name", False, None)),
        ("other", DURABLE, None),
        *[("aws.lambda", {key: value for key, value in DURABLE.items() if key != missing}, None) for missing in DURABLE],
    ],
)
def test_only_the_invocations_span_with_all_three_tags_tells(name, meta, fact):
    assert durable_fact({"name": name, "meta": meta}) == fact
