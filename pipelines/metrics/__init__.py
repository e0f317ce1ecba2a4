"""Metrics between arriving and leaving.

Read `pipeline` first: it joins the parts. Datagrams go through `datagrams` into an `aggregate.Aggregator`. What the extension itself
knows becomes points in `enhanced`, which remembers requests in `requests` and takes its arithmetic from `report` and, over snapshots
from `procfs`, from `usage`. Distributions are `sketch.Sketch`es; `origin` says where a metric comes from.
"""
