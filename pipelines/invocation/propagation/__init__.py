"""Trace context in text maps: one module for each style, `extract` for their order and how they are combined, `inject` for the way back.

A carrier is a mapping with lower-case names, as `carrier.fold` makes it. Nothing here raises: what cannot be read is no context.
(specification, invocation 8)
"""
