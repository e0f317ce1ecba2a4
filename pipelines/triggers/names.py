"""Names: services by the mapping, partitions and parts of ARNs, paths with their variable parts left open. (specification, triggers 3)"""

import re
from functools import cache

from pipelines.triggers.model import Record, SpanRule, TriggerSettings

HEX = "[0-9a-fA-F]"


def resolve_service(settings: TriggerSettings, specific: str, generic: str, instance: str, fallback: str) -> str:
    """The mapping's word for this one, else for all of its kind, else the instance or, without representation, the fallback."""
    mapped = (settings.service_mapping.get(specific) if specific else None) or settings.service_mapping.get(generic)
    return mapped or (instance if settings.representation else fallback) or fallback


def service_of(rule: SpanRule, record: Record, settings: TriggerSettings) -> str:
    fallback = rule.fallback if isinstance(rule.fallback, str) else rule.fallback(record)
    return resolve_service(settings, rule.specific(record), rule.generic, rule.instance(record), fallback) or rule.name


def partition(region: str) -> str:
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws-cn" if region.startswith("cn-") else "aws"


def part(name: str, separator: str, index: int) -> str:
    """One part of an ARN, "" if there are not so many."""
    parts = name.split(separator)
    return parts[index] if -len(parts) <= index < len(parts) else ""


def parametrise(path: str) -> str:
    """`/users/12345/friends/67890` -> `/users/{user_id}/friends/{friend_id}`; a path that has placeholders stays as it is.

    Unlike the reference's, the root path stays `/`, and only one `s` is stripped from a name (`address` gives `addres_id`).
    """
    if "{" in path and "}" in path:
        return path
    parts = path.split("/")
    kept = [
        _placeholder(parts[index - 1] if index > 1 else "") if is_variable(each) else each
        for index, each in enumerate(parts)
        if index > 0 and each
    ]
    return "/" + "/".join(kept) if kept or path == "/" else ""


def is_variable(part: str) -> bool:
    """A number, or something that has a UUID or a ULID in it."""
    if part.isascii() and part.isdecimal():
        return True
    return len(part) >= 26 and _identifier().search(part) is not None


def _placeholder(before: str) -> str:
    name = before.removesuffix("s")
    return "{id}" if not before or name == "id" else f"{{{name}_id}}"


@cache
def _identifier() -> re.Pattern[str]:
    return re.compile(f"{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}|[0-9A-HJKMNP-TV-Z]{{26}}")
