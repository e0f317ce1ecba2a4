"""Which variables an extension and a runtime see."""

from pathlib import Path

import pytest

from emulator.environment import dropped_names, for_extension, for_runtime
from emulator.values import FunctionConfig

CUSTOMER = {"DD_API_KEY": "k", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/w", "_SECRET": "x", "AWS_REGION": "mars", "PATH": "/mine", "TZ": "UTC"}
RUNTIME_ONLY = {
    "_HANDLER",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    "AWS_XRAY_DAEMON_ADDRESS",
}
COMMON = {
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "TZ",
    "PATH",
    "LD_LIBRARY_PATH",
    "LANG",
}
KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


def config(**changes):
    return FunctionConfig(**{"handler": "a.b", "task_root": Path("/"), "environment": {}, **changes})


def runtime(made):
    return for_runtime(made, "127.0.0.1:9001", task_root="/var/task", log_stream="s")


def test_an_extension_on_demand_sees_exactly_the_list():
    assert set(for_extension(config(), "127.0.0.1:9001")) == COMMON | KEYS


def test_managed_instances_add_the_log_format():
    made = config(init_type="lambda-managed-instances", log_format="JSON", log_level="INFO", max_concurrency=4)
    seen = for_extension(made, "127.0.0.1:9001")
    assert set(seen) == COMMON | KEYS | {"AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"}
    assert (seen["AWS_LAMBDA_LOG_FORMAT"], seen["TZ"]) == ("JSON", ":UTC")
    assert runtime(made)["AWS_LAMBDA_MAX_CONCURRENCY"] == "4"


def test_snap_start_has_a_credentials_address_in_place_of_keys():
    seen = for_extension(config(init_type="snap-start"), "127.0.0.1:9001")
    assert not KEYS & set(seen)
    assert seen["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:9001/2021-04-23/credentials"


@pytest.mark.parametrize("init_type", ["on-demand", "lambda-managed-instances"])
def test_what_is_the_runtimes_own_never_reaches_the_extension(init_type):
    made = config(init_type=init_type, environment={"AWS_XRAY_CONTEXT_MISSING": "RUNTIME_ERROR"})
    assert not RUNTIME_ONLY & set(for_extension(made, "127.0.0.1:9001"))
    assert RUNTIME_ONLY - {"AWS_LAMBDA_MAX_CONCURRENCY"} <= set(runtime(made))


def test_customer_variables_pass_but_reserved_ones_do_not():
    made = config(environment=CUSTOMER)
    for seen in (for_extension(made, "127.0.0.1:9001"), runtime(made)):
        assert (seen["DD_API_KEY"], seen["AWS_LAMBDA_EXEC_WRAPPER"], seen["AWS_REGION"]) == ("k", "/opt/w", "us-east-1")
        assert (seen["PATH"], seen["TZ"], "_SECRET" in seen) == ("/mine", "UTC", False)
    assert dropped_names(CUSTOMER) == ["AWS_REGION", "_SECRET"]


def test_the_xray_address_reaches_an_extension_only_from_the_customer():
    made = config(environment={"AWS_XRAY_DAEMON_ADDRESS": "1.2.3.4:5"})
    assert for_extension(made, "127.0.0.1:9001")["AWS_XRAY_DAEMON_ADDRESS"] == "1.2.3.4:5"
