"""datadog.yaml: one mapping, read with bounds. Nothing but text, numbers, booleans, lists and maps comes out.

Scalars follow YAML 1.2 (`no` and `on` are texts, only true and false are booleans), and numbers keep the text they were written
with. Size, depth and the number of nodes are bounded, aliases count as often as they are used: a small file cannot become a big one.
"""

from collections.abc import Iterator

from .reading import WARN, Note

FILE_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 50
NODES_MAX = 20_000

TRUE = frozenset(("true", "True", "TRUE"))
FALSE = frozenset(("false", "False", "FALSE"))
NULL = frozenset(("", "~", "null", "Null", "NULL"))
NUMBER_CHARACTERS = "0123456789+-.eE"


class YamlProblem(Exception):
    """The whole file cannot be used. `reason` names the line, never the content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WrittenInt(int):
    """A whole number that prints as it was written (`007`)."""

    written: str

    def __str__(self) -> str:
        return self.written


class WrittenFloat(float):
    """A number that prints as it was written (`1.10`)."""

    written: str

    def __str__(self) -> str:
        return self.written


def parse_document(text: str) -> tuple[dict[object, object], list[Note]]:
    """The file's one mapping, and what was odd about it. Raises YamlProblem and nothing else."""
    if len(text) > FILE_BYTES_MAX or len(text.encode("utf-8", "surrogatepass")) > FILE_BYTES_MAX:
        raise YamlProblem(f"larger than {FILE_BYTES_MAX} bytes")
    import yaml

    try:
        root, notes = Builder(events_of(text)).build()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise YamlProblem(f"not YAML{where}: {getattr(error, 'problem', None) or 'a character that may not be there'}") from None
    except (ValueError, RecursionError):
        raise YamlProblem("not UTF-8, or nested too deep") from None
    if root is None:
        return {}, notes
    if not isinstance(root, dict):
        raise YamlProblem("not a map of settings")
    return root, notes


def events_of(text: str) -> Iterator[object]:
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    return iter(yaml.parse(text, Loader=loader))


class Builder:
    """Builds plain values from parser events, counting as it goes. `sizes` of anchors are what an alias to them costs."""

    def __init__(self, events: Iterator[object]) -> None:
        self.events = events
        self.nodes = 0
        self.anchors: dict[str, tuple[object, int]] = {}
        self.notes: list[Note] = []

    def build(self) -> tuple[object, list[Note]]:
        root: object = None
        documents = 0
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise YamlProblem("more than one document")
            elif kind not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                root = self.node(event, 1)
        return root, self.notes

    def node(self, event: object, depth: int) -> object:
        """The value that begins with `event`. Recursion is bounded by DEPTH_MAX."""
        before = self.nodes
        self.count(1)
        kind = type(event).__name__
        anchor = getattr(event, "anchor", None)
        if kind == "AliasEvent":
            return self.alias(anchor)
        if depth > DEPTH_MAX:
            raise YamlProblem(f"nested deeper than {DEPTH_MAX} levels")
        if kind == "SequenceStartEvent":
            value: object = [self.node(item, depth + 1) for item in self.until("SequenceEndEvent")]
        elif kind == "MappingStartEvent":
            value = self.mapping(depth)
        else:
            value = scalar(event)
        if anchor:
            self.anchors[anchor] = value, self.nodes - before
        return value

    def alias(self, anchor: str | None) -> object:
        if anchor not in self.anchors:
            raise YamlProblem("an alias to something that is not there")
        value, size = self.anchors[anchor]
        self.count(size)
        return value

    def mapping(self, depth: int) -> dict[object, object]:
        entries: dict[object, object] = {}
        for event in self.until("MappingEndEvent"):
            key = self.node(event, depth + 1)
            value = self.node(next(self.events), depth + 1)
            if isinstance(key, list | dict):
                self.notes.append((WARN, "a key that is a list or a map was left out"))
                continue
            name = str(key) if isinstance(key, str | int | float) else "null"
            if name in entries:
                self.notes.append((WARN, f"{name[:60]!a} stands there twice, the last one counts"))
            entries[name] = value
        return entries

    def until(self, end: str) -> Iterator[object]:
        for event in self.events:
            if type(event).__name__ == end:
                return
            yield event

    def count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > NODES_MAX:
            raise YamlProblem(f"more than {NODES_MAX} values, aliases counted as often as they are used")


def scalar(event: object) -> object:
    """A plain scalar by its look, any other as text."""
    text: str = event.value  # type: ignore[attr-defined]  # a ScalarEvent
    if not text.isascii():
        text.encode()  # an escape may have made half a character, which could never be sent: a ValueError
    if not event.implicit[0] or event.style:  # type: ignore[attr-defined]
        return text
    if text in NULL:
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    return number(text)


def number(text: str) -> object:
    """A decimal number that remembers how it was written, else the text."""
    if text.strip(NUMBER_CHARACTERS) or not any("0" <= c <= "9" for c in text) or len(text) > 40:
        return text
    try:
        whole = WrittenInt(text)
        whole.written = text
        return whole
    except ValueError:
        pass
    try:
        fraction = WrittenFloat(text)
        fraction.written = text
        return fraction
    except ValueError:
        return text
