"""What `load` builds up: the value of each setting, where it came from, and what was wrong on the way."""

from __future__ import annotations  # the types below are for readers and checkers

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .finding import Finding
    from .settings import Setting

DEFAULT, YAML, DATADOG, DD, DERIVED = "default", "yaml", "DATADOG_", "DD_", "derived"
SHOWN_CHARACTERS_MAX = 100


class Resolution:
    """Values on their way to `Settings`. `sources` holds one of the five words above, `names` the exact variable or path."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.sources: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.findings: list[Finding] = []

    def text(self, name: str) -> str:
        value = self.values[name]
        return value if isinstance(value, str) else ""

    def rank(self, name: str) -> int:
        """Default 0, YAML 1, environment 2: for rules between settings of the same source."""
        return {DEFAULT: 0, YAML: 1}.get(self.sources[name], 2)

    def derive(self, name: str, value: object) -> None:
        """Set what follows from other values; a value that was the same already keeps its source."""
        if name not in self.values or self.values[name] != value:
            self.values[name] = value
            self.sources[name] = DERIVED

    def report(self, setting: str, source: str, given: str, reason: str, used_instead: str, level: str) -> None:
        from .finding import Finding

        self.findings.append(Finding(setting, source, given, reason, used_instead, level))

    def complain(self, name: str, reason: str, used_instead: str, given: str | None = None, source: str = "", level: str = "ERROR") -> None:
        """Report a value that parsed, but does not serve. Call it before the value is replaced."""
        given = shown_value(self.values[name]) if given is None else given
        self.report(name, source or self.names[name], given, reason, used_instead, level)


def shown(setting: Setting, value: object) -> str:
    """A value for human eyes: a secret only as its length, an address without its password, a long text cut."""
    if setting.secret:
        return masked(value)
    return shown_value(value)


def source_of(setting: Setting, resolution: Resolution) -> str:
    """Where its value comes from, for human eyes: the variable, the path in the file, or a word."""
    source, name = resolution.sources[setting.name], resolution.names[setting.name]
    if source == YAML:
        return f"yaml {name}"
    if source == DERIVED and name != setting.name:
        return f"derived, not from {name}"
    return name if source in (DD, DATADOG) else source


def masked(value: object) -> str:
    if isinstance(value, str):
        return f"set ({len(value)} characters)" if value else "not set"
    if isinstance(value, tuple | list | dict):
        return f"set ({len(value)} entries)" if value else "not set"
    return "not set" if value is None else "set"


def shown_value(value: object) -> str:
    if value is None or value in ("", (), {}):
        return "not set"
    text = without_password(value) if isinstance(value, str) else repr(value)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}... ({len(text)} characters)"


def without_password(text: str) -> str:
    """Hide what stands between a scheme (or the start) and an @, where addresses carry user and password."""
    head, at, host = text.rpartition("@")
    if not at:
        return text
    scheme, mark, _ = head.partition("://")
    return f"{scheme}{mark}***@{host}" if mark else f"***@{host}"
