"""Processing rules: what people leave out of their logs or mask in them. Linear in the length of the text whatever the pattern.

Patterns run on RE2 alone: without the library the rules are refused, loudly. (specification, logs 6)
"""

from typing import Any

import attrs

from pipelines.patterns import BadPattern, Engine, NoEngine, Template, groups_of, parse_template, replace
from protocols.intake_logs import to_utf8

EXCLUDE, INCLUDE, MASK = "exclude_at_match", "include_at_match", "mask_sequences"


@attrs.frozen
class Rule:
    """`kind` is one of EXCLUDE, INCLUDE, MASK; `placeholder` replaces what a MASK finds."""

    kind: str
    name: str
    pattern: str
    placeholder: str = ""


def compile_rules(rules: tuple[Rule, ...]) -> tuple["RuleSet", list[str]]:
    """What can be applied of the rules, and an error for each that cannot. Imports RE2 only if there are rules."""
    if not rules:
        return RuleSet([]), []
    try:
        engine = Engine()
    except NoEngine as error:
        return RuleSet([]), [f"none of the {len(rules)} processing rules is applied: {error}"]
    steps: list[tuple[str, Any, Template]] = []
    errors: list[str] = []
    for rule in rules:
        try:
            pattern = engine.compile(rule.pattern)
        except BadPattern as error:
            errors.append(f"processing rule {rule.name!r} is not applied, its pattern does not compile: {error}")
            continue
        steps.append((rule.kind, pattern, parse_template(rule.placeholder, *groups_of(pattern))))
    return RuleSet(steps), errors


class RuleSet:
    """Rules that compiled, in their order. `len` says how many."""

    def __init__(self, steps: list[tuple[str, Any, Template]]) -> None:
        self._steps = steps

    def __len__(self) -> int:
        return len(self._steps)

    def apply(self, text: str) -> str | None:
        """The text with its masks, or None if a rule leaves it out."""
        data = original = to_utf8(text)
        for kind, pattern, template in self._steps:
            if kind == MASK:
                data = replace(pattern, template, data)
            elif (pattern.search(data) is None) is (kind == INCLUDE):
                return None
        return text if data is original else data.decode("utf-8", "replace")
