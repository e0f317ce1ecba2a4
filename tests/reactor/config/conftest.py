"""One way to load for all tests here: variables as keywords, YAML as text."""

from collections.abc import Callable

import pytest

from reactor.config.finding import Finding
from reactor.config.load import load
from reactor.config.values import Settings

Load = Callable[..., tuple[Settings, tuple[Finding, ...]]]


@pytest.fixture
def configured() -> Load:
    def configured(yaml_text: str | None = None, **env: str) -> tuple[Settings, tuple[Finding, ...]]:
        return load(env, yaml_text)

    return configured


@pytest.fixture
def sound() -> Callable[..., Settings]:
    """Settings of a configuration about which there is nothing to say."""

    def sound(yaml_text: str | None = None, **env: str) -> Settings:
        settings, findings = load(env, yaml_text)
        assert findings == ()
        return settings

    return sound
