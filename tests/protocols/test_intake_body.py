"""A body is a value."""

import attrs
import pytest

from protocols.intake_body import Body


def test_a_body_cannot_be_changed_after_it_was_counted():
    body = Body("logs", "/api/v2/logs", "application/json", b"[]", 0)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        body.raw = b""
    assert body == Body("logs", "/api/v2/logs", "application/json", b"[]", 0)
