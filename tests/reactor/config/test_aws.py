import attrs
import pytest

from reactor.config.aws import SandboxEnvironment, read_sandbox
from reactor.config.aws_credentials import read_credentials

VARIABLES = {
    "AWS_LAMBDA_RUNTIME_API": "runtime_api",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "initialization_type",
    "AWS_REGION": "region",
    "AWS_LAMBDA_FUNCTION_NAME": "function_name",
    "AWS_LAMBDA_FUNCTION_VERSION": "function_version",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "memory_size",
    "AWS_EXECUTION_ENV": "execution_env",
    "AWS_LAMBDA_EXEC_WRAPPER": "exec_wrapper",
    "AWS_LWA_LAMBDA_RUNTIME_API_PROXY": "lwa_runtime_api_proxy",
    "LAMBDA_TASK_ROOT": "task_root",
}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "container_credentials_full_uri",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container_authorization_token",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "container_authorization_token_file",
}


def test_each_variable_has_its_field():
    assert set(VARIABLES.values()) == {field.name for field in attrs.fields(SandboxEnvironment)}
    sandbox = read_sandbox({variable: f"value of {variable}" for variable in VARIABLES})
    assert attrs.asdict(sandbox) == {field: f"value of {variable}" for variable, field in VARIABLES.items()}


def test_absent_variables_are_empty_save_region_and_task_root():
    sandbox = attrs.asdict(read_sandbox({}))
    assert (sandbox.pop("region"), sandbox.pop("task_root")) == ("us-east-1", "/var/task")
    assert set(sandbox.values()) == {""}


@pytest.mark.parametrize(
    ("env", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}, "eu-west-1"),  # better: AWS_REGION is not read by the reference
        ({"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
        ({"AWS_REGION": ""}, "us-east-1"),
    ],
)
def test_the_region(env, region):
    assert read_sandbox(env).region == region


@pytest.mark.parametrize(
    ("given", "managed"), [("lambda-managed-instances", True), ("snap-start", False), ("on-demand", False), ("", False)]
)
def test_the_kind_of_sandbox(given, managed):
    sandbox = read_sandbox({"AWS_LAMBDA_INITIALIZATION_TYPE": given})
    assert sandbox.is_managed == managed


@pytest.mark.parametrize(("given", "shipped"), [("/opt/datadog_wrapper", True), ("/opt/other", False), ("", False)])
def test_only_the_shipped_wrapper_counts(given, shipped):
    assert read_sandbox({"AWS_LAMBDA_EXEC_WRAPPER": given}).has_wrapper is shipped


def test_a_value_that_is_no_utf8_can_be_sent_all_the_same():
    assert read_sandbox({"AWS_LAMBDA_FUNCTION_NAME": "a\udc80b"}).function_name == "a?b"


def test_credentials_are_read_and_never_shown():
    credentials = read_credentials({variable: f"value of {variable}" for variable in CREDENTIALS})
    assert attrs.asdict(credentials) == {field: f"value of {variable}" for variable, field in CREDENTIALS.items()}
    assert "SECRET" not in repr(credentials)
    assert "AWS_SESSION_TOKEN" not in repr(credentials)


CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"}


@pytest.mark.parametrize(
    ("env", "needed"),
    [
        (CONTAINER, True),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t"}, True),
        ({**CONTAINER, "AWS_ACCESS_KEY_ID": "a"}, False),
        ({**CONTAINER, "AWS_SECRET_ACCESS_KEY": "a"}, False),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x"}, False),
        ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"}, False),
        ({}, False),
    ],
)
def test_the_container_endpoint_is_asked_only_without_static_credentials(env, needed):
    assert read_credentials(env).needs_container is needed
