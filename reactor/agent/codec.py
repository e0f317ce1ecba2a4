"""How bodies become what is sent, and bodies again: passed in by whoever sends, since compressing needs more than the agent may use."""

from typing import Protocol

from protocols.intake_body import Body


class Codec(Protocol):
    def encode(self, body: Body) -> Body:
        """The body as it is sent; one that is encoded already stays as it is. Never raises."""
        ...

    def decode(self, body: Body) -> Body:
        """The body as it was. Raises whatever there is to raise for bytes that `encode` has not made."""
        ...


class Plain:
    """Bodies stay as they are: quicker, and enough for who sends nothing."""

    def encode(self, body: Body) -> Body:
        return body

    def decode(self, body: Body) -> Body:
        return body
