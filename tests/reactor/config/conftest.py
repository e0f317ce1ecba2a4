"""One way to load for all tests here: variables as keywords, YAML as text."""

from collections.abc import Callable

import pytest

from reactor.config.finding import Finding
from reactor.config.load import load
from reactor.config.values import Settings

MISSING = "this version does not have it"

Load = Callable[..., tuple[Settings, tuple[Finding, ...]]]


def served(settings: Settings, findings: tuple[Finding, ...]) -> tuple[Settings, tuple[Finding, ...]]:
    """Without the word that something is not there yet: how its settings are read is tested all the same."""
    return settings, tuple(finding for finding in findings if finding.reason != MISSING)


@pytest.fixture
def configured() -> Load:
    def configured(yaml_text: str | None = None, **env: str) -> tuple[Settings, tuple[Finding, ...]]:
        return served(*load(env, yaml_text))

    return configured


@pytest.fixture
def sound() -> Callable[..., Settings]:
    """Settings of a configuration about which there is nothing to say."""

    def sound(yaml_text: str | None = None, **env: str) -> Settings:
        settings, findings = served(*load(env, yaml_text))
        assert findings == ()
        return settings

    return sound
