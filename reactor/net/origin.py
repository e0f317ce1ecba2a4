"""Where requests go: scheme, host and port, and how a URL is taken apart. Knows no network."""

import attrs

_PORTS = {"http": 80, "https": 443}


@attrs.frozen
class Origin:
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def host_port(self) -> str:
        """`host:port`, as a CONNECT request names it; an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def authority(self) -> str:
        """The value of a Host header: the port is left out when it is the scheme's own."""
        return self.host_port.removesuffix(f":{self.port}") if self.port == _PORTS[self.scheme] else self.host_port


@attrs.frozen
class Proxy:
    """An HTTP proxy that opens tunnels. `authorization`: the value of Proxy-Authorization, from the user and password in its URL."""

    origin: Origin
    authorization: bytes | None = attrs.field(default=None, repr=False)


def parse_origin(url: str) -> tuple[Origin, str]:
    """Take `http(s)://host[:port][/path]` apart: the origin, and the path without a final slash. Raises ValueError for anything else."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme.lower() not in _PORTS:
        raise ValueError("not an http or https URL")
    authority, _, path = rest.partition("/")
    if not url.isascii() or any(sign in rest for sign in "?#\\ ") or not rest.isprintable():
        raise ValueError("a base URL has no query, fragment or space")
    host, port = _split_port(authority.rpartition("@")[2])
    scheme = scheme.lower()
    return Origin(scheme, host, _PORTS[scheme] if port is None else port), f"/{path}".rstrip("/")


def parse_proxy(url: str) -> Proxy:
    """A proxy's URL, with or without scheme, user and password. Raises ValueError."""
    url = url if "://" in url else f"http://{url}"
    origin, _ = parse_origin(url)
    user, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    return Proxy(origin, _basic(user) if at else None)


def _split_port(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        host, closed, port = authority[1:].partition("]")
        if not closed or (port and not port.startswith(":")) or ":" not in host:
            raise ValueError("an address in brackets is not closed, or not IPv6")
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    if not host:
        raise ValueError("no host")
    if not port:
        return host.lower(), None
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError("the port is no number from 1 to 65535")
    return host.lower(), int(port)


def _basic(user: str) -> bytes:
    from base64 import b64encode
    from urllib.parse import unquote_to_bytes  # one configuration in a thousand has a password in its proxy's URL

    return b"Basic " + b64encode(unquote_to_bytes(user))
