"""Replace rules: what users have replaced in tags and resources, after everything else. (specification, traces 9.8)"""

from collections.abc import Sequence
from typing import Any

from pipelines.patterns import BadPattern, Engine, NoEngine, Template, groups_of, parse_template, replace
from protocols.intake_logs import to_utf8

ALL_TAGS, RESOURCE = "*", "resource.name"

ReplaceRule = tuple[str, str, str]
"""(tag, pattern, replacement); the tag may be ALL_TAGS or RESOURCE."""


def compile_replace_rules(rules: Sequence[ReplaceRule]) -> tuple["Replacer", list[str]]:
    """What can be applied of the rules, and an error for each that cannot. Imports RE2 only if there are rules."""
    if not rules:
        return Replacer([]), []
    try:
        engine = Engine()
    except NoEngine as error:
        return Replacer([]), [f"none of the {len(rules)} replace rules is applied: {error}"]
    steps: list[tuple[str, Any, Template]] = []
    errors: list[str] = []
    for name, text, replacement in rules:
        try:
            pattern = engine.compile(text)
        except BadPattern as error:
            errors.append(f"the replace rule for {name!r} is not applied, its pattern does not compile: {error}")
            continue
        steps.append((name, pattern, parse_template(replacement, *groups_of(pattern))))
    return Replacer(steps), errors


class Replacer:
    """Rules that compiled, in their order. `len` says how many."""

    def __init__(self, steps: list[tuple[str, Any, Template]]) -> None:
        self._steps = steps

    def __len__(self) -> int:
        return len(self._steps)

    def apply(self, span: dict[str, Any]) -> None:
        meta = span["meta"]
        for name, pattern, template in self._steps:
            if name == RESOURCE:
                span["resource"] = _replaced(pattern, template, span["resource"])
            elif name == ALL_TAGS:
                for key, value in meta.items():
                    meta[key] = _replaced(pattern, template, value)
            elif name in meta:
                meta[name] = _replaced(pattern, template, meta[name])


def _replaced(pattern: Any, template: Template, text: str) -> str:
    data = to_utf8(text)
    changed = replace(pattern, template, data)
    return text if changed is data else changed.decode("utf-8", "replace")
