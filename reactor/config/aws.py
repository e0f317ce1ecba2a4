"""What Lambda itself tells an extension through its environment (specification, configuration 9)."""

from collections.abc import Mapping

import attrs

REGION_DEFAULT = "us-east-1"
WRAPPER = "/opt/datadog_wrapper"


@attrs.frozen(eq=False)
class SandboxEnvironment:
    """The platform's variables, as given; absent ones are empty, save where noted. Holds no credentials."""

    runtime_api: str  # host:port of the Extensions, Telemetry and Runtime API
    initialization_type: str
    region: str  # us-east-1 when the platform names none
    function_name: str
    function_version: str
    memory_size: str  # megabytes, as text: it is only ever a tag
    execution_env: str
    exec_wrapper: str
    lwa_runtime_api_proxy: str  # where the Lambda Web Adapter wants our runtime proxy to listen
    task_root: str  # /var/task when unset

    @property
    def is_managed(self) -> bool:
        return self.initialization_type == "lambda-managed-instances"

    @property
    def has_wrapper(self) -> bool:
        """Whether the shipped script starts the runtime, which then talks to our proxy."""
        return self.exec_wrapper == WRAPPER


def read_sandbox(env: Mapping[str, str]) -> SandboxEnvironment:
    return SandboxEnvironment(
        runtime_api=text_of(env, "AWS_LAMBDA_RUNTIME_API"),
        initialization_type=text_of(env, "AWS_LAMBDA_INITIALIZATION_TYPE"),
        region=text_of(env, "AWS_REGION") or text_of(env, "AWS_DEFAULT_REGION") or REGION_DEFAULT,
        function_name=text_of(env, "AWS_LAMBDA_FUNCTION_NAME"),
        function_version=text_of(env, "AWS_LAMBDA_FUNCTION_VERSION"),
        memory_size=text_of(env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        execution_env=text_of(env, "AWS_EXECUTION_ENV"),
        exec_wrapper=text_of(env, "AWS_LAMBDA_EXEC_WRAPPER"),
        lwa_runtime_api_proxy=text_of(env, "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"),
        task_root=text_of(env, "LAMBDA_TASK_ROOT") or "/var/task",
    )


def text_of(env: Mapping[str, str], name: str) -> str:
    """The value, with a question mark for each byte that is no UTF-8: it ends up in tags and URLs, which must encode."""
    return env.get(name, "").encode("utf-8", "replace").decode()
