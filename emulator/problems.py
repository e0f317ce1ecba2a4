"""What is wrong with a document, as sentences, and the few predicates of which the intake's checks are made."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

PROBLEMS_MAX = 100  # per document; the rest is counted, so that one broken loop in a sender does not fill the memory

Predicate = tuple[str, Callable[[Any], bool]]  # how a person says it, and the test


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


TEXT: Predicate = ("text", lambda value: isinstance(value, str))
FULL_TEXT: Predicate = ("text that is not empty", lambda value: isinstance(value, str) and value != "")
TEXT_OR_NULL: Predicate = ("text or null", lambda value: value is None or isinstance(value, str))
TEXTS: Predicate = ("a list of text", is_texts)
LIST: Predicate = ("a list", lambda value: isinstance(value, list))
OBJECT: Predicate = ("an object", lambda value: isinstance(value, dict))
OBJECT_OR_NULL: Predicate = ("an object or null", lambda value: value is None or isinstance(value, dict))
BOOLEAN: Predicate = ("a boolean", lambda value: isinstance(value, bool))
INTEGER: Predicate = ("an integer", is_integer)
NATURAL: Predicate = ("an integer from 0", lambda value: is_integer(value) and value >= 0)
FINITE: Predicate = ("a finite number", is_finite)
ANYTHING: Predicate = ("anything", lambda value: True)

# A bound on both sides finds the wrong unit: seconds between 2001 and 2286, and the same years in milliseconds and nanoseconds.
SECONDS: Predicate = ("a time in seconds", lambda value: is_integer(value) and 10**9 <= value < 10**10)
MILLISECONDS: Predicate = ("a time in milliseconds", lambda value: is_integer(value) and 10**12 <= value < 10**13)
NANOSECONDS: Predicate = ("a time in nanoseconds", lambda value: is_integer(value) and 10**18 <= value < 10**19)


def either(*values: object) -> Predicate:
    """One of the given values, of the same type too: true is not 1."""
    words = " or ".join(repr(value) for value in values)
    return words, lambda value: any(type(value) is type(each) and value == each for each in values)


class Problems:
    """Collects the deviations of one document from the specification; bounded."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._beyond = 0

    def add(self, sentence: str) -> None:
        if len(self._sentences) < PROBLEMS_MAX:
            self._sentences.append(sentence)
        else:
            self._beyond += 1

    def expect(self, holds: bool, sentence: str) -> bool:
        """Note `sentence` unless `holds`; say whether it holds."""
        if not holds:
            self.add(sentence)
        return holds

    def matches(self, where: str, value: object, predicate: Predicate) -> bool:
        words, test = predicate
        if holds := test(value):  # the sentence is made only for what is wrong
            return holds
        self.add(f"{where} is not {words}: {_short(value)}")
        return False

    def members(
        self, where: str, value: object, required: Mapping[str, Predicate], optional: Mapping[str, Predicate] | None = None
    ) -> bool:
        """Check that `value` is an object with the required members, each as its predicate says, and none that nobody knows."""
        if not isinstance(value, dict):
            return self.matches(where, value, OBJECT)
        known = {**required, **optional} if optional else required
        missing = [name for name in required if name not in value]
        for name in missing:
            self.add(f"{where}.{name} is missing")
        for name in value:
            if name not in known:
                self.add(f"{where}.{name} is unknown")
        bad = [name for name, (_, test) in known.items() if name in value and not test(value[name])]
        for name in bad:
            self.matches(f"{where}.{name}", value[name], known[name])
        return not missing and not bad

    def tags(self, where: str, tags: Sequence[str]) -> None:
        """Tags are a set: none twice, none empty."""
        if len(set(tags)) < len(tags):
            for tag in sorted({tag for tag in tags if tags.count(tag) > 1}):
                self.add(f"{where}: tag twice: {tag}")
        self.expect("" not in tags, f"{where}: empty tag")

    def sentences(self) -> tuple[str, ...]:
        beyond = (f"and {self._beyond} more problems",) if self._beyond else ()
        return (*self._sentences, *beyond)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
