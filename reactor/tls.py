"""Whom to trust with telemetry: the system's authorities, those of `DD_TLS_CERT_FILE` beside them, or anybody if the settings say so.

One context for all intakes, made beside the first invocation, or when the first connection wants it.
AWS's own services are reached without any of this (specification, lifecycle 21).
"""

from __future__ import annotations  # ssl is for https alone

import os
from typing import TYPE_CHECKING

from reactor.config.proxy import proxy_for
from reactor.net.origin import Origin, Proxy, parse_proxy
from reactor.net.pool import Pool

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from reactor.config.values import Settings
    from reactor.net.network import Network

HASHED_MIN = 50  # authorities that a folder must hold, by hash, to stand for the whole bundle
HASH_DIGITS = 8
HTTP = "http/1.1"


class Trust:
    """Makes the context once. What is wrong with the settings is said then, in one line, and costs nothing else."""

    def __init__(self, settings: Settings, say: Callable[[str, str], None]) -> None:
        self._cert_file, self._is_open, self._say = settings.tls_cert_file, settings.skip_ssl_validation, say
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = self._make()
        return self._context

    def _make(self) -> ssl.SSLContext:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols([HTTP])
        if self._is_open:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context
        # A file of one's own may hold an authority that another one has signed: it is trusted all the same.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if (folder := hashed_folder(ssl.get_default_verify_paths())) is not None:
            context.load_verify_locations(capath=folder)
        else:
            context.load_default_certs()
        if self._cert_file:
            self._add(context, self._cert_file)
        return context

    def _add(self, context: ssl.SSLContext, path: str) -> None:
        try:
            context.load_verify_locations(cafile=path)
        except (OSError, ValueError) as error:  # SSLError is an OSError: nothing in it, or no PEM
            self._say("ERROR", f"DD_TLS_CERT_FILE is left out, no certificates can be read from {path}: {error}")


def hashed_folder(paths: ssl.DefaultVerifyPaths) -> str | None:
    """A folder in which authorities are found by their hash, one by one as they are needed: the whole bundle takes 10 times as long.

    None if there is none, or if the environment points elsewhere.
    """
    if os.environ.get(paths.openssl_cafile_env) or not (folder := paths.capath):
        return None
    try:
        with os.scandir(folder) as entries:
            found = sum(_is_hash(entry.name) for entry in entries)
    except OSError:
        return None
    return folder if found >= HASHED_MIN else None


def _is_hash(name: str) -> bool:
    stem, dot, number = name.partition(".")
    return len(stem) == HASH_DIGITS and bool(dot) and number.isdigit() and not stem.strip("0123456789abcdef")


def proxies(settings: Settings) -> Callable[[Origin], Proxy | None]:
    """Which proxy leads to an origin: each destination is looked at by itself (specification, configuration 4)."""

    def proxy(origin: Origin) -> Proxy | None:
        url = proxy_for(settings.https_proxy_url, settings.no_proxy, origin.host, origin.port)
        return None if url is None else parse_proxy(url)

    return proxy


def intake_pool(settings: Settings, network: Network, trust: Trust) -> Pool:
    """Connections to Datadog, as the settings want them made."""
    return Pool(network, trust, proxies(settings))
