"""Which destinations go through the proxy, decided for each by itself. Nothing here resolves names.

An entry of the bypass list is a host, a domain (`example.com` and `.example.com` take in every host below), an address, a network
(`10.0.0.0/8`, for destinations written as addresses), any of the first three with a port (`host:8443`), or `*` for everything.
"""

from collections.abc import Iterable

from .addresses import is_host

SCHEMES = ("http", "https")
PORTS = {"http": 80, "https": 443}


def split_entries(text: str) -> tuple[str, ...]:
    """The entries of a NO_PROXY text, between commas and blanks."""
    return tuple(text.replace(",", " ").split())


def proxy_url(text: str) -> str | None:
    """`scheme://[user:password@]host:port` of a proxy setting, or None. A bare host gets `http://`."""
    scheme, host, port, credentials = proxy_parts(text) or ("", "", 0, "")
    if not host:
        return None
    return f"{scheme}://{f'{credentials}@' if credentials else ''}{f'[{host}]' if ':' in host else host}:{port}"


def proxy_parts(text: str) -> tuple[str, str, int, str] | None:
    """(scheme, host, port, `user:password` or empty) of a proxy setting, or None when it is no address."""
    scheme, mark, rest = text.strip().partition("://")
    if not mark:
        scheme, rest = "http", scheme
    credentials, _, authority = rest.partition("/")[0].rpartition("@")
    split = split_port(authority)
    if scheme.lower() not in SCHEMES or split is None or not is_printable(credentials):
        return None
    host, port = split
    if not (is_host(host) or (":" in host and not host.strip("0123456789abcdefABCDEF:."))):
        return None
    return scheme.lower(), host, PORTS[scheme.lower()] if port is None else port, credentials


def is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def split_port(authority: str) -> tuple[str, int | None] | None:
    """(host, port or None) of `host`, `host:port`, `[v6]:port` or a bare v6 address; None when the port is none."""
    if authority.startswith("["):
        host, closed, rest = authority[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return None
        digits = rest[1:]
    elif authority.count(":") > 1:
        return authority, None
    else:
        host, _, digits = authority.partition(":")
    if not digits:
        return host, None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 0 < int(digits) < 65536):
        return None
    return host, int(digits)


def bypasses(entries: Iterable[str], host: str, port: int) -> bool:
    """Whether a destination is reached without the proxy. An entry that makes no sense matches nothing."""
    host = host.strip("[]").rstrip(".").lower()
    return any(matches(entry.strip().lower(), host, port) for entry in entries)


def proxy_for(url: str | None, entries: Iterable[str], host: str, port: int) -> str | None:
    """The proxy on the way to a destination, given `Settings.https_proxy_url` and `Settings.no_proxy`; None is the direct way."""
    return None if url is None or bypasses(entries, host, port) else url


def matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return in_network(entry, host)
    split = split_port(entry)
    if split is None or split[1] not in (None, port):
        return False
    name = split[0].removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def in_network(network: str, host: str) -> bool:
    # A name is never resolved to be compared: the answer would depend on the moment, and cost a look-up for each request.
    if not (host.replace(".", "").isdigit() or ":" in host):
        return False
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
