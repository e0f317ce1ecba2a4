"""Function tags: what is known of the function for as long as the sandbox lives (specification, tags). It reads no file and no
environment.

The map is made once, after registration. `DD_TAGS` and the like are parsed by the configuration and come as maps. What changes
while the sandbox runs (cold start, init type of a metric) belongs to `pipelines.metrics.enhanced` and the invocation's span.
"""

from collections.abc import Iterable, Mapping

import attrs

LATEST = "$LATEST"
UNKNOWN_ACCOUNT = "none"
DEFAULT_REGION = "us-east-1"
RUNTIME_PREFIX = "AWS_Lambda_"
RUNTIME_FAMILIES = {"nodejs": "nodejs", "python": "python", "java": "jvm", "dotnet": "dotnet", "ruby": "ruby"}
FUNCTION_TAG = "_dd.tags.function"


@attrs.frozen
class FunctionFacts:
    """What the tags are made from. Empty text: not known. `memory_mb` is text because it is handed on as it came."""

    extension_version: str
    architecture: str
    arn: str = ""
    function_version: str = ""
    memory_mb: str = ""
    init_type: str = ""
    execution_env: str = ""
    env: str = ""
    service: str = ""
    version: str = ""
    is_appsec_on: bool = False


def build_arn(account_id: str, region: str, function_name: str) -> str:
    """The function's ARN without version or alias. An invocation's own ARN may name an alias, so it is not used."""
    partition = "aws-us-gov" if region.startswith("us-gov-") else "aws-cn" if region.startswith("cn-") else "aws"
    return f"arn:{partition}:lambda:{region or DEFAULT_REGION}:{account_id or UNKNOWN_ACCOUNT}:function:{function_name}"


def architecture_of(machine: str) -> str:
    """The platform's word for a machine type as the kernel calls it."""
    return "arm64" if machine == "aarch64" else machine


def function_tags(facts: FunctionFacts, tags: Mapping[str, str], extra_tags: Mapping[str, str] | None = None) -> dict[str, str]:
    """All function tags in the order of specification, tags 2.

    `tags` (DD_TAGS) overrides all, `extra_tags` (DD_EXTRA_TAGS) all but them.
    """
    out = _arn_tags(facts)
    named = {
        "version": facts.version,
        "env": facts.env,
        "service": facts.service.lower(),
        "init_type": facts.init_type,
        "memorysize": facts.memory_mb,
        "_dd.runtime_family": runtime_family(facts.execution_env) if facts.is_appsec_on else "",
        "runtime": facts.execution_env.removeprefix(RUNTIME_PREFIX),
    }
    out |= {key: value for key, value in named.items() if value}
    out["architecture"] = facts.architecture
    out["dd_extension_version"] = facts.extension_version
    out |= {**(extra_tags or {}), **tags}
    cleaned = ((clean(key), clean(value)) for key, value in out.items())
    return {key: value for key, value in cleaned if key and value}


def _arn_tags(facts: FunctionFacts) -> dict[str, str]:
    parts = facts.arn.split(":")
    if len(parts) <= 6:
        return {"function_arn": facts.arn.lower()} if facts.arn else {}
    region, account_id, name = parts[3], parts[4], parts[6]
    out = {"region": region, "account_id": account_id, "aws_account": account_id, "functionname": name, "resource": name}
    if facts.function_version and facts.function_version != LATEST:
        out["resource"] = f"{name}:{facts.function_version}"
        out["executedversion"] = facts.function_version
    out["function_arn"] = facts.arn.lower()
    return out


def clean(text: str) -> str:
    """Without control characters and commas: tags travel in comma lists."""
    if text.isprintable() and "," not in text:
        return text
    return "".join(c for c in text if c != "," and c >= " " and not "\x7f" <= c <= "\x9f")


def runtime_family(execution_env: str) -> str:
    """The family of a runtime by the start of its name; "" for one that has none."""
    runtime = execution_env.removeprefix(RUNTIME_PREFIX)
    return next((family for start, family in RUNTIME_FAMILIES.items() if runtime.startswith(start)), "")


def tag_list(tags: Mapping[str, str]) -> tuple[str, ...]:
    """`key:value` items sorted by key."""
    return tuple(f"{key}:{value}" for key, value in sorted(tags.items()))


def comma_list(tags: Mapping[str, str]) -> str:
    return ",".join(tag_list(tags))


def without_keys(tags: Mapping[str, str], excluded: Iterable[str]) -> dict[str, str]:
    """The tags but those whose key is on the exclusion list for metrics (specification, metrics 3.5)."""
    refused = frozenset(excluded)
    return {key: value for key, value in tags.items() if key not in refused}
