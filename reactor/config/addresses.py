"""Addresses of intakes: parsed, cleaned, and refused when a request to them could not be made.

They lose blanks around them and slashes behind them, and a bare host gains `https://` (specification, configuration 4).
"""

from .parsers import parse_text
from .reading import ERROR, BadValue, Reading

SITE_DEFAULT = "datadoghq.com"
HOST_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
HOST_CHARACTERS_MAX = 200  # 253, less what intakes put in front of the site


def parse_site(value: object, reading: Reading) -> str:
    """The bare host of the site: no scheme, no path, no blank, as each of them would be part of every address. Empty is the default."""
    text = parse_text(value, reading).strip()
    site, _, path = text.partition("://")[2 if "://" in text else 0].partition("/")
    if path.strip("/"):
        reading.skip("a path is no part of a site, and was left out")
    if site and not is_authority(site):
        raise BadValue("not a host such as datadoghq.eu", ERROR)
    return site


def parse_base(value: object, reading: Reading) -> str:
    """The address in front of an intake's path; it may have a path itself. Empty clears a lower source."""
    text = parse_text(value, reading).strip()
    base = intake_base(text)
    if text and not base:
        raise BadValue("not an address such as https://host:443", ERROR)
    return base


def parse_host_base(value: object, reading: Reading) -> str:
    """As `parse_base`, without a path."""
    text = parse_text(value, reading).strip()
    base = intake_base(text, with_path=False)
    if text and not base:
        raise BadValue("not an address such as https://host:443, without a path", ERROR)
    return base


def parse_worker(value: object, reading: Reading) -> str:
    """The full address of an Observability Pipelines Worker, used as it stands."""
    text = parse_text(value, reading).strip()
    if text and not intake_base(text):
        raise BadValue("not an address such as https://host:8282", ERROR)
    return text if "://" in text or not text else f"https://{text}"


def parse_proxy(value: object, reading: Reading) -> str | None:
    """`scheme://[user:password@]host:port`; empty clears a lower source."""
    text = parse_text(value, reading).strip()
    if not text:
        return None
    from .proxy import proxy_url

    url = proxy_url(text)
    if url is None:
        raise BadValue("not a proxy such as http://host:3128", ERROR)
    return url


def intake_base(text: str, with_path: bool = True) -> str:
    """`text` without blanks around it and slashes behind it, `https://` before a bare host; empty when it is no address."""
    base = text.strip().rstrip("/")
    if "://" not in base:
        base = f"https://{base}"
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    usable = scheme.lower() in ("http", "https") and is_authority(host) and is_plain(path)
    return f"{scheme.lower()}://{rest}" if usable and (with_path or not slash) else ""


def is_authority(text: str) -> bool:
    """A host name or IPv4 address, with a port or without."""
    host, colon, port = text.partition(":")
    return is_host(host) and (not colon or bool(port_of(port)))


def is_host(text: str) -> bool:
    """A name that can be asked for: resolvers raise for empty and for overlong labels, so these are refused here."""
    labels = text.removesuffix(".").split(".")
    return not text.strip(HOST_CHARACTERS) and len(text) <= HOST_CHARACTERS_MAX and all(0 < len(label) < 64 for label in labels)


def port_of(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 65536:
        return int(text)
    return None


def is_plain(text: str) -> bool:
    """Nothing that would break a request line or hide a query in a base address."""
    return text.isascii() and text.isprintable() and not any(mark in text for mark in " ?#")
