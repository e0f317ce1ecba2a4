"""Metrics between arriving and leaving.

Read `pipeline` first: it joins the parts. Datagrams go through `datagrams` into an `aggregate.Aggregator`; what the extension
itself knows becomes points in `enhanced`, with arithmetic from `usage` over snapshots from `procfs`. Distributions are
`sketch.Sketch`es; `origin` says where a metric comes from.
"""
