"""Where a metric says it comes from (specification, metrics 5.4). The three numbers are the intake's own registry."""

from collections.abc import Iterable

from protocols.intake_metrics import Origin

PRODUCT_SERVERLESS = 1
CATEGORIES = {"origin:appservice": 35, "origin:cloudrun": 36, "origin:containerapp": 37, "origin:azurefunction": 71}
CATEGORY_LAMBDA = 38
SERVICE_CUSTOM, SERVICE_ENHANCED, SERVICE_RUNTIME = 472, 473, 474
ENHANCED_NAMES = (["aws", "lambda"], ["gcp", "run"], ["azure", "functions"])


def origin_of(name: str, category: int | None) -> Origin | None:
    """The origin of a metric in a sandbox of this category."""
    if category is None or name.startswith("datadog."):
        return None
    return PRODUCT_SERVERLESS, category, service_of(name)


def category_of(tags: Iterable[str]) -> int | None:
    """The category that tags tell: a function's ARN is the surest sign."""
    found = None
    for tag in tags:
        if tag.partition(":")[0] == "function_arn":
            return CATEGORY_LAMBDA
        if found is None:
            found = CATEGORIES.get(tag)
    return found


def service_of(name: str) -> int:
    if name.startswith(("jvm.", "runtime.")):
        return SERVICE_RUNTIME
    return SERVICE_ENHANCED if name.split(".")[:2] in ENHANCED_NAMES else SERVICE_CUSTOM
