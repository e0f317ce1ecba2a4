"""Origins, row by row (specification, metrics 5.4)."""

import pytest

from pipelines.metrics.origin import category_of, origin_of


@pytest.mark.parametrize(
    ("name", "tags", "origin"),
    [
        ("runtime.memory.used", ["function_arn:x"], (1, 38, 474)),
        ("jvm.memory.used", ["function_arn:x"], (1, 38, 474)),
        ("aws.lambda.enhanced.invocations", ["function_arn:x"], (1, 38, 473)),
        ("aws.lambda", ["function_arn:x"], (1, 38, 473)),
        ("aws.lambdas.x", ["function_arn:x"], (1, 38, 472)),
        ("my.custom.metric", ["function_arn:x"], (1, 38, 472)),
        ("my.custom.metric", ["origin:cloudrun", "function_arn"], (1, 38, 472)),
        ("gcp.run.enhanced.cold_start", ["origin:cloudrun"], (1, 36, 473)),
        ("azure.functions.enhanced.instance", ["origin:azurefunction"], (1, 71, 473)),
        ("my.custom.metric", ["origin:appservice"], (1, 35, 472)),
        ("my.custom.metric", ["origin:containerapp"], (1, 37, 472)),
        ("datadog.agent.running", ["function_arn:x"], None),
        ("unknown.metric", ["unknown:tag"], None),
    ],
)
def test_a_metric_tells_its_origin(name, tags, origin):
    assert origin_of(name, category_of(tags)) == origin
