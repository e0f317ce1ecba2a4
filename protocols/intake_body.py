"""The body of one intake request, without anyone's key. It never says where or when it is sent."""

import attrs


@attrs.frozen
class Body:
    """One request body that an encoder made.

    `kind` names the payload for counters and for splitting (such as "series", "sketches", "logs"). `path` begins with "/" and is
    appended to the destination's prefix. `raw` is as its `encoding` says: compressed once it is sealed, plain before. `items` is how many
    points, sketches or lines are lost if it is lost. `headers` go with it beside those that every request has.
    """

    kind: str
    path: str
    content_type: str
    raw: bytes
    items: int
    encoding: str = ""  # the Content-Encoding of `raw`; empty: plain
    headers: tuple[tuple[bytes, bytes], ...] = ()
