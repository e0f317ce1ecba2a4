"""The API key for the intakes: given in the settings, or fetched (specification, secrets 1 and 2).

What one configuration in ten needs, the fetching, is imported when such a configuration is met.
"""

from __future__ import annotations  # the types below are for readers and checkers

from typing import TYPE_CHECKING, Protocol

from protocols.api_key import Failure, clean_key, doubt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from reactor.config.aws import SandboxEnvironment
    from reactor.config.values import Settings
    from reactor.net.client import Tls
    from reactor.net.clock import Clock
    from reactor.net.network import Network
    from reactor.net.pool import Pool

PLAIN = "plain"
DELEGATED_RELOAD_MS = 3_600_000  # nobody tells how long a managed key is good for
# Source to the setting that turns it on, best first.
SETTINGS = {
    "delegated": "org_uuid",
    "kms": "kms_api_key",
    "secrets_manager": "api_key_secret_arn",
    "ssm": "api_key_ssm_arn",
    PLAIN: "api_key",
}


class ApiKey(Protocol):
    """Where a sender gets the key, and what it tells back."""

    async def key(self) -> str | None:
        """The key, fit for a header; None if there is none now. Waits only while a first one is being fetched, and not for long."""
        ...

    def prepare(self) -> None:
        """Something will be sent soon: begin to fetch what is missing or old. Never waits."""
        ...

    def refused(self, key: str | None = None) -> bool:
        """An intake refused this key (None: the one in use). True if another is there or on its way: sending again is worth it."""
        ...

    def thawed(self) -> None:
        """The sandbox was frozen: a request under way is dead."""
        ...

    def restored(self) -> None:
        """The sandbox was made from a snapshot: no key from before is to be used."""
        ...


class PlainKey:
    """The key of the settings. What is wrong with it is said once, here."""

    def __init__(self, raw: str, say: Callable[[str, str], None]) -> None:
        cleaned = clean_key(raw) if raw.strip() else Failure("no API key: DD_API_KEY is not set, nor is any other source of a key")
        self._key = None if isinstance(cleaned, Failure) else cleaned
        if isinstance(cleaned, Failure):
            say("ERROR", cleaned.reason)
        elif words := doubt(cleaned):
            say("WARN", f"DD_API_KEY is unusual: {words}")

    def __repr__(self) -> str:
        return f"<PlainKey {'usable' if self._key else 'missing'}>"

    async def key(self) -> str | None:
        return self._key

    def prepare(self) -> None:
        """There is nothing to fetch."""

    def refused(self, key: str | None = None) -> bool:
        return False

    def thawed(self) -> None:
        """Nothing is under way."""

    def restored(self) -> None:
        """The settings are those of the snapshot, and so is their key."""


def sources_of(settings: Settings) -> tuple[str, ...]:
    """The sources that the settings name, best first."""
    return tuple(source for source, name in SETTINGS.items() if str(getattr(settings, name)).strip())


def variable_of(source: str) -> str:
    """How the user knows a source."""
    return f"DD_{SETTINGS[source].upper()}"


def reload_interval_ms(settings: Settings, sources: tuple[str, ...]) -> int | None:
    if settings.api_key_secret_reload_interval_s is not None:
        return round(settings.api_key_secret_reload_interval_s * 1000)
    return DELEGATED_RELOAD_MS if "delegated" in sources else None


def make_api_key(
    settings: Settings,
    sandbox: SandboxEnvironment,
    environment: Mapping[str, str],
    network: Network,
    intakes: Pool,
    clock: Clock,
    start: Callable[[Callable[[], Awaitable[None]]], None],
    say: Callable[[str, str], None],
    *,
    tls: Tls | None = None,
) -> ApiKey:
    """What these settings ask for.

    `environment` is read anew at each fetch. `intakes` reaches Datadog as the settings say (proxy, certificates); AWS is reached without
    them, over `network` and `tls` (None: the system's authorities). `start` runs a task beside everything else.
    """
    sources = sources_of(settings)
    if sources in ((), (PLAIN,)):
        return PlainKey(settings.api_key, say)
    from reactor.fetched_key import FetchedKey
    from reactor.net.pool import Pool

    async def load(source: str) -> str | Failure:
        from reactor.secret_sources import Sources  # signing needs OpenSSL's digests: tens of milliseconds, due when a key is

        return await Sources(settings, sandbox, environment, Pool(network, tls), intakes, clock).load(source)

    return FetchedKey(sources, reload_interval_ms(settings, sources), load, clock, start, say)
