import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.net.origin import Origin, Proxy, parse_origin, parse_proxy

GOOD = [
    ("https://api.datadoghq.com", Origin("https", "api.datadoghq.com", 443), ""),
    ("https://Trace.Agent.datadoghq.eu/", Origin("https", "trace.agent.datadoghq.eu", 443), ""),
    ("http://127.0.0.1:9001/2020-01-01/extension", Origin("http", "127.0.0.1", 9001), "/2020-01-01/extension"),
    ("HTTP://localhost", Origin("http", "localhost", 80), ""),
    (" https://[::1]:8443/a/b/ ", Origin("https", "::1", 8443), "/a/b"),
    ("http://[fe80::1]", Origin("http", "fe80::1", 80), ""),
    ("https://user:secret@intake:3128", Origin("https", "intake", 3128), ""),
]
BAD = [
    "",
    "api.datadoghq.com",
    "ftp://a",
    "http://",
    "http://:80",
    "http://a:b",
    "http://a:0",
    "http://a:65536",
    "http://a b",
    "http://a?x",
]
BAD += ["http://a/#x", "http://[::1", "http://[::1]x", "http://[abc]:1", "http://\xe9", "http://a\r\nb", "http://a:\u0663"]


@pytest.mark.parametrize(("url", "origin", "path"), GOOD)
def test_a_url_is_taken_apart(url, origin, path):
    assert parse_origin(url) == (origin, path)


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_base_url_is_refused(url):
    with pytest.raises(ValueError, match=r"\w"):
        parse_origin(url)


@given(st.text(max_size=30))
def test_any_text_is_an_origin_or_a_value_error(text):
    try:
        origin, path = parse_origin(f"http://{text}")
    except ValueError:
        return
    assert parse_origin(f"{origin}{path}") == (origin, path)


@pytest.mark.parametrize(
    ("origin", "authority", "host_port"),
    [
        (Origin("https", "a", 443), "a", "a:443"),
        (Origin("https", "a", 80), "a:80", "a:80"),
        (Origin("http", "::1", 80), "[::1]", "[::1]:80"),
        (Origin("http", "a", 8080), "a:8080", "a:8080"),
        (Origin("https", "a:443"[:1], 4443), "a:4443", "a:4443"),
    ],
)
def test_the_port_stands_in_the_authority_only_when_it_is_not_the_schemes_own(origin, authority, host_port):
    assert (origin.authority, origin.host_port) == (authority, host_port)


def test_a_proxys_password_becomes_a_header_and_is_never_shown():
    proxy = parse_proxy("http://user:p%40ss@proxy:3128")
    assert proxy == Proxy(Origin("http", "proxy", 3128), b"Basic dXNlcjpwQHNz")
    assert "dXNl" not in repr(proxy)
    assert parse_proxy("custom_proxy:3128") == Proxy(Origin("http", "custom_proxy", 3128))
    with pytest.raises(ValueError, match="port"):
        parse_proxy("proxy:x")
