"""Which traces are kept, by the tags of their root span. (specification, traces 7.1)

A condition is `(key, value)`, or `(key, None)` where the key alone counts. It holds if it does for the root span as it came or for the
tags that it is about to get: what users see of a trace includes both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.patterns import BadPattern, Engine, NoEngine
from protocols.intake_logs import to_utf8

FIELDS = ("name", "service", "resource", "type")

Condition = tuple[str, str | None]
Texts = Sequence[str]


class FilterTags:
    """`reason(root, tags)` says why a trace is dropped. `errors`: one sentence for each pattern that does not compile."""

    def __init__(
        self,
        require: Sequence[Condition] = (),
        reject: Sequence[Condition] = (),
        regex_require: Sequence[Condition] = (),
        regex_reject: Sequence[Condition] = (),
    ) -> None:
        self.errors: list[str] = []
        self._require = [_Exact(key, value) for key, value in require]
        self._reject = [_Exact(key, value) for key, value in reject]
        self._regex_require = self._compiled(regex_require)
        self._regex_reject = self._compiled(regex_reject)

    def __bool__(self) -> bool:
        """Whether there is any condition: without one nobody needs to ask."""
        return bool(self._require or self._reject or self._regex_require or self._regex_reject)

    def keeps(self, root: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
        return self.reason(root, tags) is None

    def reason(self, root: Mapping[str, Any], tags: Mapping[str, str]) -> str | None:
        """The rule by which the trace is dropped, None if it is kept. `tags` are those that the root is about to get.

        A pattern that did not compile matches nothing: a trace that must match it is dropped.
        """
        if not all(condition.holds(root, tags) for condition in self._require):
            return "filter_tags_require"
        if not all(condition.holds(root, tags) for condition in self._regex_require):
            return "filter_tags_regex_require"
        if any(condition.holds(root, tags) for condition in self._reject):
            return "filter_tags_reject"
        if any(condition.holds(root, tags) for condition in self._regex_reject):
            return "filter_tags_regex_reject"
        return None

    def _compiled(self, conditions: Sequence[Condition]) -> list["_Exact | _Searched"]:
        patterns = [(key, value) for key, value in conditions if value is not None]
        found: list[_Exact | _Searched] = [_Exact(key, None) for key, value in conditions if value is None]
        if not patterns:
            return found
        try:
            engine = Engine()
        except NoEngine as error:
            self.errors.append(f"filter tags with patterns match nothing: {error}")
            return [*found, *(_Searched(key, None) for key, _ in patterns)]
        return [*found, *(self._searched(engine, key, value) for key, value in patterns)]

    def _searched(self, engine: Engine, key: str, value: str) -> "_Searched":
        try:
            return _Searched(key, engine.compile(value))
        except BadPattern as error:
            self.errors.append(f"the filter tag {key}:{value} matches nothing, its pattern does not compile: {error}")
            return _Searched(key, None)


class _Exact:
    __slots__ = ("_key", "_value")

    def __init__(self, key: str, value: str | None) -> None:
        self._key, self._value = key, value

    def holds(self, root: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
        texts = _texts(self._key, root, tags)
        return bool(texts) if self._value is None else self._value in texts


class _Searched:
    """`pattern` None: one that did not compile."""

    __slots__ = ("_key", "_pattern")

    def __init__(self, key: str, pattern: Any) -> None:
        self._key, self._pattern = key, pattern

    def holds(self, root: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
        pattern = self._pattern
        return pattern is not None and any(pattern.search(to_utf8(text)) for text in _texts(self._key, root, tags))


def _texts(key: str, root: Mapping[str, Any], tags: Mapping[str, str]) -> Texts:
    """Everything that the key stands for: a tag of either kind, or a field that is not empty."""
    texts = [source[key] for source in (root["meta"], tags) if key in source]
    if key in FIELDS and root[key]:
        texts.append(root[key])
    return texts
