"""A function as people write them: it prints, sends metrics with Datadog's own client, and spans with Datadog's own tracer.

Nothing in it knows of the emulator.
"""

import time

from datadog.dogstatsd import DogStatsd
from ddtrace.trace import tracer
from traced import traced

statsd = DogStatsd(disable_telemetry=True, constant_tags=["team:shop"])  # to localhost:8125, as in Lambda


class OutOfStock(Exception):
    """Raised for an order that cannot be filled."""


@traced
def handler(event, context):
    """Take one order: `{"order", "customer", "lines": [{"item", "count", "price", "left"}], "then": "pay" | "raise" | "hang"}`.

    An order from the shop's own site brings the trace that it is part of, in `headers`.
    """
    with tracer.trace("shop.order", service="shop-orders", resource=f"order {event['order']}") as span:
        span.set_tag("shop.customer", event["customer"])
        return fill(event)


def fill(event):
    order = event["order"]
    print(f"order {order}: {len(event['lines'])} lines")
    for line in event["lines"]:
        take(order, line)
    statsd.increment("shop.orders", tags=[f"order:{order}"])
    statsd.set("shop.customers", event["customer"], tags=[f"order:{order}"])
    if event["then"] == "raise":
        raise OutOfStock(f"nothing left for order {order}")
    if event["then"] == "hang":
        print(f"order {order}: waiting for a payment that never comes")
        time.sleep(60)
    total = sum(line["count"] * line["price"] for line in event["lines"])
    with tracer.trace("shop.pay", service="shop-bank", resource="pay") as span:
        span.set_metric("shop.total", total)
    print(f"order {order}: paid {total:.2f}")
    return {"order": order, "total": total}


def take(order, line):
    """Count one line of an order, in each type of metric that has values to count."""
    tags = [f"item:{line['item']}"]
    with tracer.trace("shop.take", service="shop-stock", resource=f"take {line['item']}") as span:
        span.set_metric("shop.count", line["count"])
    print(f"order {order}: {line['count']} x {line['item']}")
    statsd.increment("shop.items", line["count"], tags=tags)
    statsd.gauge("shop.stock", line["left"], tags=tags)
    statsd.distribution("shop.price", line["price"], tags=tags)
    statsd.histogram("shop.line_total", line["count"] * line["price"])
