"""Function tags, row by row (specification, tags)."""

import attrs
import pytest

from pipelines.tags import (
    FunctionFacts,
    architecture_of,
    build_arn,
    clean,
    comma_list,
    function_tags,
    runtime_family,
    without_keys,
)

ARN = "arn:aws:lambda:us-west-2:123456789012:function:My-function"
BARE = FunctionFacts("99-next", "arm64")
WORKED = FunctionFacts(
    "99-next", "arm64", ARN, function_version="7", memory_mb="128", init_type="on-demand", env="test", service="My-Service", version="1.0.0"
)


def test_the_minimum_is_architecture_and_our_version():
    assert function_tags(BARE, {}) == {"architecture": "arm64", "dd_extension_version": "99-next"}


def test_the_worked_example():
    tags = function_tags(WORKED, {"key1": "value1", "key2": "value2"})
    assert comma_list(tags).split(",") == [
        "account_id:123456789012",
        "architecture:arm64",
        "aws_account:123456789012",
        "dd_extension_version:99-next",
        "env:test",
        "executedversion:7",
        "function_arn:arn:aws:lambda:us-west-2:123456789012:function:my-function",
        "functionname:My-function",
        "init_type:on-demand",
        "key1:value1",
        "key2:value2",
        "memorysize:128",
        "region:us-west-2",
        "resource:My-function:7",
        "service:my-service",
        "version:1.0.0",
    ]


def test_the_latest_version_is_not_named():
    tags = function_tags(attrs.evolve(WORKED, function_version="$LATEST"), {})
    assert (tags["resource"], "executedversion" in tags) == ("My-function", False)


@pytest.mark.parametrize("is_appsec_on", [False, True])
def test_without_the_platforms_variables_there_are_13_tags(is_appsec_on):
    facts = FunctionFacts("99-next", "x86_64", ARN.lower(), env="test", service="s", version="1", is_appsec_on=is_appsec_on)
    keys = (
        "key1 key2 account_id aws_account env function_arn functionname region resource service version architecture dd_extension_version"
    )
    assert sorted(function_tags(facts, {"key1": "value1", "key2": "value2"})) == sorted(keys.split())


def test_the_tags_setting_overrides_everything_and_the_extra_tags_all_but_it():
    tags = function_tags(WORKED, {"env": "x", "service": "Upper"}, {"env": "y", "region": "moon", "team": "a"})
    assert (tags["env"], tags["service"], tags["region"], tags["team"]) == ("x", "Upper", "moon", "a")


@pytest.mark.parametrize(
    ("execution_env", "is_appsec_on", "runtime", "family"),
    [
        ("AWS_Lambda_java8", True, "java8", "jvm"),
        ("AWS_Lambda_java8", False, "java8", None),
        ("AWS_Lambda_python3.12", True, "python3.12", "python"),
        ("AWS_Lambda_provided.al2", True, "provided.al2", None),
        ("", True, None, None),
    ],
)
def test_the_runtime_goes_without_its_prefix(execution_env, is_appsec_on, runtime, family):
    tags = function_tags(attrs.evolve(BARE, execution_env=execution_env, is_appsec_on=is_appsec_on), {})
    assert (tags.get("runtime"), tags.get("_dd.runtime_family")) == (runtime, family)


@pytest.mark.parametrize(
    ("execution_env", "family"),
    [("AWS_Lambda_nodejs20.x", "nodejs"), ("AWS_Lambda_dotnet8", "dotnet"), ("AWS_Lambda_ruby3.3", "ruby"), ("go1.x", "")],
)
def test_a_runtime_has_a_family(execution_env, family):
    assert runtime_family(execution_env) == family


@pytest.mark.parametrize(
    ("account_id", "region", "arn"),
    [
        ("1", "us-east-1", "arn:aws:lambda:us-east-1:1:function:f"),
        ("1", "us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:1:function:f"),
        ("1", "cn-north-1", "arn:aws-cn:lambda:cn-north-1:1:function:f"),
        ("", "", "arn:aws:lambda:us-east-1:none:function:f"),
    ],
)
def test_the_arn_is_built(account_id, region, arn):
    assert build_arn(account_id, region, "f") == arn


@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", "x86_64"), ("aarch64", "arm64"), ("riscv64", "riscv64")])
def test_the_architecture_is_the_platforms_word(machine, architecture):
    assert architecture_of(machine) == architecture


@pytest.mark.parametrize(("text", "cleaned"), [("plain", "plain"), ("a,b\nc\x00d\x7f\x85", "abcd"), ("é\u00a0ü", "é\u00a0ü"), (",", "")])
def test_control_characters_and_commas_are_left_out(text, cleaned):
    assert clean(text) == cleaned


def test_a_tag_that_cleaning_empties_is_left_out():
    assert "a" not in function_tags(BARE, {"a": ",", "b": "x,y"})
    assert function_tags(BARE, {"b": "x,y"})["b"] == "xy"


def test_excluded_keys_are_whole_keys():
    tags = {"region": "r", "team": "checkout", "function_arn": "x"}
    assert without_keys(tags, ["function_arn", "team:checkout", "reg"]) == {"region": "r", "team": "checkout"}


def test_stats_are_never_a_function_tag():
    assert "_dd.compute_stats" not in function_tags(WORKED, {})
