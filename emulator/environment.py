"""The environment variables that the platform gives to an extension and to a runtime (specification, lambda-platform 7).

Allow-lists both: nothing of the emulator's own environment passes, save what a caller adds on purpose.
"""

from collections.abc import Mapping

from emulator.values import FunctionConfig

RESERVED = frozenset(
    {
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
PATH = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
LIBRARY_PATH = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
CREDENTIALS_TOKEN = "emulated-credentials-token"
KEY_ID, SECRET_KEY, SESSION_TOKEN = "ASIAEMULATEDEMULATED", "emulated-secret-access-key", "emulated-session-token"


def dropped_names(customer: Mapping[str, str]) -> list[str]:
    """Customer variables that the platform refuses: names that begin with `_`, and reserved ones."""
    return sorted(name for name in customer if name.startswith("_") or name in RESERVED)


def _customer(config: FunctionConfig) -> dict[str, str]:
    dropped = set(dropped_names(config.environment))
    return {name: value for name, value in config.environment.items() if name not in dropped}


def _common(config: FunctionConfig, runtime_api: str) -> dict[str, str]:
    return {
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        "AWS_LAMBDA_FUNCTION_NAME": config.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": config.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": config.init_type,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        **_credentials(config, runtime_api),
    }


def _credentials(config: FunctionConfig, runtime_api: str) -> dict[str, str]:
    if config.snap_start:
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{runtime_api}/2021-04-23/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": CREDENTIALS_TOKEN,
        }
    return {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_SESSION_TOKEN": SESSION_TOKEN}


def _defaults(path: str) -> dict[str, str]:
    """What a customer may override."""
    return {"LANG": "en_US.UTF-8", "LD_LIBRARY_PATH": LIBRARY_PATH, "PATH": path, "TZ": ":UTC"}


def _log_settings(config: FunctionConfig) -> dict[str, str]:
    level = {"AWS_LAMBDA_LOG_LEVEL": config.log_level} if config.log_level else {}
    return {"AWS_LAMBDA_LOG_FORMAT": config.log_format} | level


def for_extension(config: FunctionConfig, runtime_api: str, path: str = PATH) -> dict[str, str]:
    """What an extension sees. Never the handler, the task root, the log names or `AWS_EXECUTION_ENV`."""
    customer = {name: value for name, value in _customer(config).items() if name != "AWS_XRAY_CONTEXT_MISSING"}
    logs = _log_settings(config) if config.managed else {}
    return _defaults(path) | logs | customer | _common(config, runtime_api)


def for_runtime(config: FunctionConfig, runtime_api: str, *, task_root: str, log_stream: str, path: str = PATH) -> dict[str, str]:
    """What the runtime sees."""
    own = {
        "_HANDLER": config.handler,
        "AWS_EXECUTION_ENV": config.execution_env,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{config.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "LAMBDA_TASK_ROOT": task_root,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
    }
    if config.managed:
        own["AWS_LAMBDA_MAX_CONCURRENCY"] = str(config.max_concurrency)
    xray = {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129",
        "_AWS_XRAY_DAEMON_PORT": "2000",
    }
    return _defaults(path) | xray | _log_settings(config) | _customer(config) | _common(config, runtime_api) | own
