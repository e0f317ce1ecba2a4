import json
from itertools import count
from pathlib import Path

import pytest

from pipelines.triggers.infer import infer
from pipelines.triggers.model import TriggerSettings

EVENTS = Path(__file__).parents[3] / "fixtures" / "trigger_events"


def load_event(name):
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def payload():
    """The decoded event of a name."""
    return load_event


@pytest.fixture
def inferred():
    """What is inferred from an event, or from the payload of a name; span ids count from 1, innermost first."""

    def make(event, **settings):
        event = load_event(event) if isinstance(event, str) else event
        ids = count(1)
        return infer(event, TriggerSettings(**settings), lambda: next(ids))

    return make


@pytest.fixture
def span_of(inferred):
    """The parent of `aws.lambda` that an event gives."""
    return lambda event, **settings: inferred(event, **settings).spans[0]


@pytest.fixture
def own_meta():
    """The meta of a span without what every inferred span has."""

    def strip(span):
        return {key: value for key, value in span["meta"].items() if not key.startswith("_inferred_span.") and key != "dd_resource_key"}

    return strip
