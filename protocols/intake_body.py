"""The body of one intake request, without anyone's key. It never says where or when it is sent."""

import attrs

Headers = tuple[tuple[bytes, bytes], ...]

EVP = "evp"  # the kind of bodies for the host in `Body.subdomain`
# Kinds of bodies that libraries send to be passed on (`protocols.trace_api`): byte for byte, so neither compressed nor split here.
PRODUCTS = frozenset(
    {EVP, "data_streams", "profiling", "llm_evaluations_v1", "llm_evaluations_v2", "llm_spans"}
    | {"debugger_v1", "debugger", "telemetry", "tracer_flare"}
)


@attrs.frozen
class Body:
    """One request body that an encoder made, or that a library sent to be passed on.

    `kind` names the payload for counters and for splitting (such as "series", "sketches", "logs"). `path` begins with "/" and is
    appended to the destination's prefix. `raw` is as its `encoding` says: compressed once it is sealed, plain before. `items` is how many
    points, sketches or lines are lost if it is lost.
    """

    kind: str
    path: str
    content_type: str  # empty: there is no such header
    raw: bytes
    items: int
    encoding: str = ""  # the Content-Encoding of `raw`; empty: plain
    headers: Headers = ()  # that go with it besides these two; never a key
    subdomain: str = ""  # the host in front of the site, where a library has named it

    @property
    def size(self) -> int:
        """What it takes in memory and on the wire."""
        return len(self.raw) + sum(len(name) + len(value) for name, value in self.headers)
