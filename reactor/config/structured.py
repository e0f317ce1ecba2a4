"""Settings that are JSON in a variable and nested lists or maps in YAML: endpoints and rules (specification, configuration 3).

One bad element costs only itself, whichever source it came from. Regular expressions stay text: the pipeline that runs them owns
the dialect.
"""

from .parsers import parse_comma_list
from .reading import ERROR, UNSET, BadValue, Reading, Unset

Endpoint = tuple[str, tuple[str, ...]]  # (URL, its API keys)
LogEndpoint = tuple[str, str, int, bool]  # (API key, host, port, is reliable)
ProcessingRule = tuple[str, str, str, str]  # (type, name, pattern, placeholder)
ReplaceRule = tuple[str, str, str]  # (tag, pattern, replacement)

RULE_TYPES = ("exclude_at_match", "include_at_match", "mask_sequences")


def structure(value: object, reading: Reading, kind: type[list[object]] | type[dict[str, object]]) -> object:
    """The list or map of a value. A variable holds JSON; YAML holds the thing itself, but JSON as a text is understood there too."""
    if isinstance(value, str):
        value = decoded(value, kind)
    if not isinstance(value, kind):
        raise BadValue("not a JSON array" if kind is list else "not a JSON object", ERROR)
    return value


def decoded(text: str, kind: type[list[object]] | type[dict[str, object]]) -> object:
    if not text.strip():
        return kind()
    import json

    try:
        value = json.loads(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair could never be sent
        return value
    except UnicodeEncodeError:
        raise BadValue("not JSON: half a character after \\u", ERROR) from None
    except json.JSONDecodeError as error:
        raise BadValue(f"not JSON: {error.msg} at character {error.pos}", ERROR) from None
    except (ValueError, RecursionError):
        raise BadValue("not JSON: too long a number or too deep", ERROR) from None


def parse_endpoints(value: object, reading: Reading) -> tuple[Endpoint, ...] | Unset:
    """`{"url": ["key", ...]}` to URLs with their keys."""
    table = structure(value, reading, dict)
    assert isinstance(table, dict)
    endpoints = []
    for url, keys in table.items():
        if not isinstance(url, str) or not isinstance(keys, list):
            reading.skip("an entry whose keys are not a list was left out", ERROR)
        elif usable := tuple(key for item in keys if (key := usable_key(item, reading))):
            endpoints.append((url, usable))
    return tuple(endpoints) or UNSET


def usable_key(item: object, reading: Reading) -> str:
    """A key that can stand in a header, or empty text: a control character there would break every request."""
    key = item.strip() if isinstance(item, str) else ""
    if key and key.isascii() and key.isprintable():
        return key
    reading.skip("a key that is empty or holds characters that no header may carry was left out")
    return ""


def parse_log_endpoints(value: object, reading: Reading) -> tuple[LogEndpoint, ...] | Unset:
    """`[{"api_key", "Host", "Port", "is_reliable"}]`, all four required."""
    entries = structure(value, reading, list)
    assert isinstance(entries, list)
    return tuple(endpoint for entry in entries if (endpoint := log_endpoint(entry, reading))) or UNSET


def log_endpoint(entry: object, reading: Reading) -> LogEndpoint | None:
    if isinstance(entry, dict):
        key, host, port, reliable = (entry.get(name) for name in ("api_key", "Host", "Port", "is_reliable"))
        if (
            isinstance(host, str)
            and isinstance(port, int)
            and not isinstance(port, bool)
            and 0 < port < 65536
            and isinstance(reliable, bool)
            and (clean := usable_key(key, reading))
        ):
            return clean, host.strip(), int(port), reliable
    reading.skip("an endpoint without a usable api_key, Host, Port and is_reliable was left out", ERROR)
    return None


def parse_processing_rules(value: object, reading: Reading) -> tuple[ProcessingRule, ...] | Unset:
    """`[{"type", "name", "pattern", "replace_placeholder"}]`, the last one optional."""
    rules = structure(value, reading, list)
    assert isinstance(rules, list)
    return tuple(rule for entry in rules if (rule := processing_rule(entry, reading))) or UNSET


def processing_rule(entry: object, reading: Reading) -> ProcessingRule | None:
    fields = texts_of(entry, ("type", "name", "pattern"))
    placeholder = entry.get("replace_placeholder", "") if isinstance(entry, dict) else None
    if fields is None or fields[0] not in RULE_TYPES or not isinstance(placeholder, str):
        reading.skip("a rule without a known type, a name and a pattern was left out", ERROR)
        return None
    return fields[0], fields[1], fields[2], placeholder


def parse_replace_rules(value: object, reading: Reading) -> tuple[ReplaceRule, ...]:
    """`[{"name", "pattern", "repl"}]`; an empty list is a value."""
    rules = structure(value, reading, list)
    assert isinstance(rules, list)
    return tuple(rule for entry in rules if (rule := replace_rule(entry, reading)))


def replace_rule(entry: object, reading: Reading) -> ReplaceRule | None:
    fields = texts_of(entry, ("name", "pattern", "repl"))
    if fields is None:
        reading.skip("a rule without name, pattern and repl was left out")
        return None
    return fields[0], fields[1], fields[2]


def parse_names(value: object, reading: Reading) -> tuple[str, ...] | Unset:
    """`["a", "b"]`, as the agent takes its lists, or plainly `a,b`."""
    if isinstance(value, str) and value.lstrip().startswith('["'):
        value = decoded(value, list)
    return parse_comma_list(value, reading)


def texts_of(entry: object, names: tuple[str, ...]) -> tuple[str, ...] | None:
    if not isinstance(entry, dict):
        return None
    fields = tuple(field for name in names if isinstance(field := entry.get(name), str))
    return fields if len(fields) == len(names) else None
