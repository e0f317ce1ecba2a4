"""A function as people write them, with Datadog's library around it. It measures and traces what it does."""

from datadog_lambda.metric import lambda_metric
from ddtrace.trace import tracer


def handler(event, context):
    with tracer.trace("shop.order", service="shop", resource="order", span_type="web") as order:
        order.set_tag("http.url", "http://user:secret@shop.test/orders?id=7")
        with tracer.trace("shop.query", service="shop-db", resource="SELECT * FROM orders WHERE id = 42", span_type="sql"):
            pass
    for number in range(1, 101):
        lambda_metric("shop.price", number, tags=["currency:eur"])
    if event.get("fail"):
        raise ValueError("asked to fail")
    return {"statusCode": 200, "body": "{}"}
