"""What the tests of the logs pipeline share: making records and pipelines, and reading entries."""

import json

import pytest

from fsm.time import Now
from pipelines.logs.pipeline import LogsPipeline

TIME = "2023-01-07T03:23:47.000Z"


class Bench:
    """A pipeline under test. `logs` seals and gives (message, status, request id) of each entry, `sealed` the entries themselves."""

    def __init__(self, **settings):
        settings = {"arn": "test-arn", "function_name": "test-function", "tags": "base:tag"} | settings
        self.pipeline = LogsPipeline(**settings)

    def take(self, *records, mono_ms=0):
        return self.pipeline.take([self.record(*record) for record in records], Now(epoch_ms=5_000, mono_ms=mono_ms))

    @staticmethod
    def record(record_type, content, time=TIME):
        return {"time": time, "type": record_type, "record": content}

    def sealed(self):
        return [entry for body in self.pipeline.seal() for entry in json.loads(body.raw)]

    def logs(self):
        messages = [entry["message"] for entry in self.sealed()]
        return [(message["message"], message["status"], message["lambda"]["request_id"]) for message in messages]

    def shutdown(self):
        self.pipeline.shutdown(Now(epoch_ms=5_000, mono_ms=0))

    @property
    def statistics(self):
        return self.pipeline.statistics()


@pytest.fixture
def bench():
    """`bench(managed=True)` and the like makes a pipeline with these settings."""
    return Bench
