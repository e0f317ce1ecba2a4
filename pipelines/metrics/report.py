"""What a report's numbers are worth: its shape and the estimated cost (specification, metrics 7.2 and 7.3). Pure functions."""

import math
from collections.abc import Mapping
from typing import Any

FIGURE_MAX = 10**12  # thirty years, a million terabytes: what is beyond is no figure of an invocation, and its product no finite cost
REQUEST_USD = 0.0000002
GB_SECOND_USD = {"x86_64": 0.0000166667, "arm64": 0.0000133334}


def estimated_cost(billed_ms: int, memory_mb: int, architecture: str) -> float:
    """US dollars for one invocation, to twelve places, half away from zero; 0 for an architecture without a price."""
    price = GB_SECOND_USD.get(architecture)
    if price is None:
        return 0.0
    gb_s = billed_ms * 0.001 * memory_mb / 1024
    return math.floor((REQUEST_USD + gb_s * price) * 1e12 + 0.5) / 1e12


def is_number(value: Any) -> bool:
    """A finite number that is no truth value. Figures come out of JSON, so they are of these two types themselves."""
    return (type(value) is int or type(value) is float) and -1e300 < value < 1e300


def is_on_demand_shaped(metrics: Mapping[str, Any]) -> bool:
    """Whether a report's metrics have all that on-demand ones have."""
    for name in ("billedDurationMs", "memorySizeMB", "maxMemoryUsedMB"):
        value: Any = metrics.get(name)
        # JSON has one kind of numbers: 2600.0 is 2600 (specification, lambda-platform 14).
        if not is_number(value) or not 0 <= value <= FIGURE_MAX or value != int(value):
            return False
    return is_number(metrics.get("durationMs"))
