"""The orders that the demonstration places, and all that must arrive for them, derived here from the orders alone.

`app.handler` emits; this says what its emissions add up to. The two share nothing but the events.
"""

import json
from typing import Any

from emulator.values import Invocation
from emulator.verdict import Expectation, ExpectedLog, ExpectedMetric, ExpectedSpan

Order = dict[str, Any]


def _line(item: str, count: int, price: float, left: int) -> dict[str, Any]:
    return {"item": item, "count": count, "price": price, "left": left}


# The second order comes from the shop's own site, which began its trace.
SITE_TRACE = 4_611_686_018_427_387_905
SITE = {"x-datadog-trace-id": str(SITE_TRACE), "x-datadog-parent-id": "4611686018427387906", "x-datadog-sampling-priority": "1"}

# Paid, paid, raises, hangs until Lambda ends it (which resets the sandbox), paid.
ORDERS: tuple[Order, ...] = (
    {"order": "A1", "customer": "ada", "then": "pay", "lines": [_line("tea", 2, 3.5, 40), _line("cup", 1, 12.25, 7)]},
    {"order": "A2", "customer": "bob", "then": "pay", "lines": [_line("tea", 5, 3.25, 35)], "headers": SITE},
    {"order": "A3", "customer": "ada", "then": "raise", "lines": [_line("pot", 1, 49.0, 0)]},
    {"order": "A4", "customer": "cyd", "then": "hang", "lines": [_line("cup", 3, 11.75, 4), _line("tea", 1, 3.5, 34)]},
    {"order": "A5", "customer": "bob", "then": "pay", "lines": [_line("tea", 4, 3.0, 30), _line("pot", 2, 45.5, 8)]},
)
COLD = (0, 4)  # places of the orders that a fresh sandbox takes
ERROR_TYPES = {"raise": "OutOfStock", "hang": "Timeout"}
STATUSES = {"pay": "success", "raise": "error", "hang": "timeout"}
NAME = "shop"  # of the function
TRACED = {  # the function's tracer sends to the extension, and does nothing else beside
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:8126",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
}
RAISED = "[ERROR] OutOfStock: nothing left for order A3"

# Lambda and the extension write lines of their own, and the extension measures on its own account.
# The tracer of the order that hangs says, as it is ended, that it never sent that order's spans.
OTHER_LOGS = ("INIT_START *", "START *", "END *", "REPORT *", "Exiting: *", "[[]ERROR] *", "[[]WARNING]*", "Shutting down tracer *")
OTHER_METRICS = ("aws.lambda.enhanced.*",)


def request_id(place: int) -> str:
    return f"00000000-0000-4000-8000-{place + 1:012d}"


def invocations() -> tuple[Invocation, ...]:
    return tuple(Invocation(json.dumps(order).encode(), request_id=request_id(place)) for place, order in enumerate(ORDERS))


def statuses() -> list[str]:
    return [STATUSES[order["then"]] for order in ORDERS]


def expectation() -> Expectation:
    return Expectation(tuple(_metrics()), tuple(_logs()), each_span=tuple(_spans()), other_metrics=OTHER_METRICS, other_logs=OTHER_LOGS)


def _metrics() -> list[ExpectedMetric]:
    team = ("team:shop",)
    lines = [line for order in ORDERS for line in order["lines"]]
    totals = [line["count"] * line["price"] for line in lines]
    expected = [ExpectedMetric("shop.line_total", sum(totals), "sketch", team, len(totals))]
    for order in ORDERS:
        tags = (*team, f"order:{order['order']}")
        expected += [ExpectedMetric("shop.orders", 1, "count", tags), ExpectedMetric("shop.customers", 1, "gauge", tags)]
    for item in sorted({line["item"] for line in lines}):
        expected += _of_item([line for line in lines if line["item"] == item], (*team, f"item:{item}"))
    return expected + _enhanced()


def _of_item(lines: list[dict[str, Any]], tags: tuple[str, ...]) -> list[ExpectedMetric]:
    return [
        ExpectedMetric("shop.items", sum(line["count"] for line in lines), "count", tags),
        ExpectedMetric("shop.stock", lines[-1]["left"], "gauge", tags),
        ExpectedMetric("shop.price", sum(line["price"] for line in lines), "sketch", tags, len(lines)),
    ]


def _enhanced() -> list[ExpectedMetric]:
    """Of what the extension measures itself, the figures that the orders determine."""
    times = {
        "invocations": len(ORDERS),
        "errors": sum(order["then"] != "pay" for order in ORDERS),
        "timeouts": sum(order["then"] == "hang" for order in ORDERS),
    }
    return [ExpectedMetric(f"aws.lambda.enhanced.{name}", value, "sketch", count=value) for name, value in times.items()]


def _logs() -> list[ExpectedLog]:
    return [ExpectedLog(f"{text}\n", request_id=request_id(place)) for place, order in enumerate(ORDERS) for text in _printed(order)]


def _printed(order: Order) -> list[str]:
    name, lines = order["order"], order["lines"]
    texts = [f"{len(lines)} lines", *(f"{line['count']} x {line['item']}" for line in lines)]
    if order["then"] == "hang":
        texts.append("waiting for a payment that never comes")
    elif order["then"] == "pay":
        texts.append(f"paid {sum(line['count'] * line['price'] for line in lines):.2f}")
    return [f"order {name}: {text}" for text in texts]


def _spans() -> list[ExpectedSpan]:
    return [span for place, order in enumerate(ORDERS) for span in _of_order(place, order)]


def _of_order(place: int, order: Order) -> list[ExpectedSpan]:
    """The invocation's own span, and below it those of the function. A tracer sends a trace when it is done: of what hangs, nothing."""
    trace_id = SITE_TRACE if "headers" in order else None
    spans = [_invocation(place, order, trace_id)]
    if place in COLD:
        spans.append(ExpectedSpan("aws.lambda.cold_start", NAME, NAME))
    if order["then"] == "hang":
        return spans
    above = "shop.order", f"order {order['order']}"
    customer = (("shop.customer", order["customer"]),)
    raised = order["then"] == "raise"
    spans.append(ExpectedSpan(*above, "shop-orders", int(raised), ("aws.lambda", NAME), customer, trace_id))
    spans += [ExpectedSpan("shop.take", f"take {line['item']}", "shop-stock", 0, above, (), trace_id) for line in order["lines"]]
    if not raised:
        spans.append(ExpectedSpan("shop.pay", "pay", "shop-bank", 0, above, (), trace_id))
    return spans


def _invocation(place: int, order: Order, trace_id: int | None) -> ExpectedSpan:
    error_type = ERROR_TYPES.get(order["then"])
    error = () if error_type is None else (("error.type", error_type),)
    meta = (("request_id", request_id(place)), ("cold_start", str(place in COLD).lower()), *error)
    return ExpectedSpan("aws.lambda", NAME, NAME, int(bool(error)), None, meta, trace_id)
