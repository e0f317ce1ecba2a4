"""One invocation as a trace: the span `aws.lambda`, what stands around it, and the context that it continues.

`propagation/` reads and writes trace context. `capture` and `errors` read payloads and headers of the two lifecycle calls, `calls` puts
that together into facts. `context` keeps what is known of each request id, `sandbox` what is known of the sandbox, `spans` makes the spans,
`complete` joins all into the chunk that is sent, `hooks` looks at the spans that tracers send. `pipeline` is the face of it all.

Nothing here decides when a span is sent: that is `fsm/tracing.py`. (specification, invocation)
"""
