"""What a tracing library with universal instrumentation adds to a handler, in one page: Datadog's own tracer makes the spans.

The span of the invocation itself is the extension's. The library says on port 8124 when the handler begins and ends, and sends a
placeholder in that span's stead, below which its own spans hang: as those for Java do.
"""

import http.client
import json

from ddtrace.propagation.http import HTTPPropagator
from ddtrace.trace import tracer

PORT = 8124
PLACEHOLDER = "dd-tracer-serverless-span"


def traced(handler):
    """The handler, called inside the placeholder of its invocation's span."""

    def call(event, context):
        upstream = _tell("start-invocation", context, event)
        tracer.context_provider.activate(HTTPPropagator.extract(upstream))
        span = tracer.trace(PLACEHOLDER, resource=PLACEHOLDER)
        span.set_tag("request_id", context.aws_request_id)
        try:
            answer = handler(event, context)
        except Exception as error:
            _end(span, context, None, {"error": "true", "error-type": type(error).__name__, "error-msg": str(error)})
            raise
        _end(span, context, answer, {})
        return answer

    return call


def _end(span, context, answer, error):
    span.finish()
    tracer.flush()
    headers = {"x-datadog-trace-id": str(span.trace_id % 2**64), "x-datadog-span-id": str(span.span_id), "x-datadog-sampling-priority": "1"}
    _tell("end-invocation", context, answer, headers | {f"x-datadog-invocation-{name}": text for name, text in error.items()})


def _tell(what, context, body, headers=()):
    """One call to the extension; the headers of its answer, which hold the trace that the event belongs to."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=1)
    named = {"lambda-runtime-aws-request-id": context.aws_request_id, "content-type": "application/json", **dict(headers)}
    connection.request("POST", f"/lambda/{what}", json.dumps(body), named)
    answer = connection.getresponse()
    connection.close()
    return {name.lower(): value for name, value in answer.getheaders()}
