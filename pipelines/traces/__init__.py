"""Traces between the tracer's request and the intake's.

Read `pipeline` first: it takes a decoded request through all the steps. `dedup` leaves out what came before; `normalise` makes each span
fit for the intake; `chunk` finds what a trace says as a whole; `filter` removes what the sandbox says to itself; `enrich` knows what all
spans are given; `sample` decides what is kept when statistics are computed here; `payload` finds what the tracer says of itself; `queue`
holds encoded chunks until they are sealed. Nothing here decides when to send.
"""
