"""A function's configuration."""

from pathlib import Path

import pytest

from emulator.values import FunctionConfig


def config(**changes):
    return FunctionConfig(**{"handler": "a.b", "task_root": Path("/"), "timeout_ms": 3_000, **changes})


@pytest.mark.parametrize(
    ("changes", "limit_ms"),
    [
        ({}, 10_000),
        ({"init_timeout_ms": 5}, 5),
        ({"init_type": "provisioned-concurrency"}, 900_000),
        ({"init_type": "snap-start"}, 900_000),
        ({"init_type": "lambda-managed-instances"}, 3_000),
    ],
)
def test_init_may_last_as_long_as_its_type_allows(changes, limit_ms):
    assert config(**changes).init_limit_ms == limit_ms


@pytest.mark.parametrize(("version", "ending"), [("$LATEST", ":function:my-function"), ("7", ":function:my-function:7")])
def test_the_arn_is_qualified_by_a_version(version, ending):
    assert config(version=version).arn == f"arn:aws:lambda:us-east-1:123456789012{ending}"


@pytest.mark.parametrize("changes", [{"init_type": "SnapStart"}, {"log_format": "XML"}])
def test_an_unknown_word_is_refused(changes):
    with pytest.raises(ValueError, match="must be in"):
        config(**changes)
