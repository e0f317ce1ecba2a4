"""Where each body goes: the main intake of its kind, and every additional one that the settings name, each with a key of its own.

An API key is known here by its place alone: 0 is the extension's own, the others count from 1 in the order of the settings. So neither a
payload nor the spool holds a key. (specification, configuration 4, metrics 5.7, logs 9.3 and 9.4)
"""

import attrs

from protocols.intake_body import EVP, PRODUCTS, Body
from reactor.config.values import Settings

OWN_KEY = 0
SERIES_PATH = "/api/v2/series"


@attrs.frozen
class Place:
    """One destination of a kind of bodies. `is_plain`: it takes no compressed ones."""

    url: str
    key: int = OWN_KEY
    is_plain: bool = False


def additional_keys(settings: Settings) -> tuple[str, ...]:
    """The API keys of all additional intakes, each once; the first of them is key 1."""
    return tuple(dict.fromkeys(key for pairs in settings.additional_intakes.values() for _, key in pairs))


def is_worker(settings: Settings, kind: str, key: int = OWN_KEY) -> bool:
    """Whether bodies of this kind, with this key, go to an Observability Pipelines Worker."""
    return kind == "logs" and key == OWN_KEY and settings.observability_pipelines_worker_logs_enabled


class Destinations:
    """Which places a body goes to."""

    def __init__(self, settings: Settings) -> None:
        self._main = {kind: Place(url, OWN_KEY, is_worker(settings, kind)) for kind, url in settings.intake_urls.items()}
        self._metrics = settings.intake_urls["series"].removesuffix(SERIES_PATH)
        # What libraries send to other products has a path of its own, behind the host of the product.
        self._products = {kind: origin_of(url) for kind, url in settings.intake_urls.items() if kind in PRODUCTS}
        self._site = settings.site
        numbers = {key: number for number, key in enumerate(additional_keys(settings), 1)}
        self._additional = {
            kind: tuple(dict.fromkeys(Place(url, numbers[key]) for url, key in pairs))
            for kind, pairs in settings.additional_intakes.items()
        }

    def main(self, body: Body) -> Place:
        if body.kind == EVP:
            return Place(f"https://{body.subdomain}.{self._site}{body.path}")
        if body.kind in self._products:
            return Place(self._products[body.kind] + body.path)
        return self._main.get(body.kind) or Place(self._metrics + body.path)

    def additional(self, body: Body) -> tuple[Place, ...]:
        return self._additional.get(body.kind, ())

    def knows(self, body: Body, url: str, key: int) -> bool:
        """Whether this body may go there. What a file in /tmp says is not to be believed: with the body goes a key.

        Nothing in front of a path's first "/" may make another host of ours.
        """
        if not body.path.startswith("/") or (body.kind == EVP and not _is_subdomain(body.subdomain)):
            return False
        return any((place.url, place.key) == (url, key) for place in (self.main(body), *self.additional(body)))


def _is_subdomain(subdomain: str) -> bool:
    from protocols.trace_api import is_subdomain  # rarely asked for, and not loaded for that at every start

    return is_subdomain(subdomain)


def origin_of(url: str) -> str:
    """`scheme://host:port` of an address."""
    return "/".join(url.split("/", 3)[:3])
