import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.config.proxy import bypasses, proxy_for, proxy_parts, proxy_url, split_entries, split_port


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("my-proxy:3128", ("http", "my-proxy", 3128, "")),
        ("http://my-proxy", ("http", "my-proxy", 80, "")),
        ("https://my-proxy/", ("https", "my-proxy", 443, "")),
        ("HTTP://u:p@my-proxy:3128/path", ("http", "my-proxy", 3128, "u:p")),
        ("http://u:p@ss@my-proxy:1", ("http", "my-proxy", 1, "u:p@ss")),
        ("10.0.0.1:8080", ("http", "10.0.0.1", 8080, "")),
        ("http://[::1]:3128", ("http", "::1", 3128, "")),
        (" my-proxy:3128 ", ("http", "my-proxy", 3128, "")),
    ],
)
def test_addresses_of_proxies(text, parts):
    assert proxy_parts(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "socks5://a:1",
        "http://",
        "a:port",
        "a:0",
        "a:65536",
        "http://a b",
        "http://ä",
        "http://u p@a",
        "http://a..b",
        "http://[::1",
        "http://[::1]x",
        "[g::1]:3",
    ],
)
def test_what_is_no_proxy(text):
    assert proxy_parts(text) is None
    assert proxy_url(text) is None


@pytest.mark.parametrize("url", ["http://u:p@my-proxy:3128", "https://[::1]:443", "http://a:80"])
def test_a_normalised_url_stays_as_it_is(url):
    assert proxy_url(url) == url


INTAKE = "http-intake.logs.datadoghq.eu"


@pytest.mark.parametrize(
    ("entry", "host", "around"),
    [
        (INTAKE, INTAKE, True),
        (INTAKE.upper(), INTAKE, True),
        (INTAKE, INTAKE + ".", True),
        ("datadoghq.eu", INTAKE, True),
        ("datadoghq.eu", "datadoghq.eu", True),
        (".datadoghq.eu", INTAKE, True),
        (".datadoghq.eu", "datadoghq.eu", True),
        ("*.datadoghq.eu", INTAKE, True),
        ("*", INTAKE, True),
        # Better: for the reference any substring of the site will do.
        ("hq.eu", INTAKE, False),
        ("datadoghq.com", INTAKE, False),
        ("logs.datadoghq.eu", "api.datadoghq.eu", False),
        ("datadoghq.eu:443", INTAKE, True),
        ("datadoghq.eu:8443", INTAKE, False),
        ("datadoghq.eu:port", INTAKE, False),
        ("172.16.0.0/12", "172.20.1.1", True),
        ("172.16.0.0/12", "172.32.0.1", False),
        ("172.16.0.0/12", INTAKE, False),
        ("172.16.0.1/12", "172.20.1.1", True),
        ("10.0.0.0/99", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "110.0.0.1", False),
        ("fd00::/8", "fd00::1", True),
        ("fd00::/8", "[fd00::1]", True),
        ("10.0.0.0/8", "fd00::1", False),
        ("::1", "::1", True),
        ("[::1]:443", "::1", True),
        ("[::1]:80", "::1", False),
        ("", INTAKE, False),
        (".", INTAKE, False),
        ("/", "10.0.0.1", False),
    ],
)
def test_an_entry_and_a_destination_on_port_443(entry, host, around):
    assert bypasses((entry,), host, 443) is around


def test_any_entry_of_the_list_is_enough():
    entries = split_entries("127.0.0.1,localhost, 172.16.0.0/12,us-east-1.amazonaws.com,datadoghq.eu")
    assert len(entries) == 5
    assert bypasses(entries, INTAKE, 443)
    assert not bypasses(entries, "api.datadoghq.com", 443)
    assert not bypasses((), INTAKE, 443)


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("a", ("a", None)),
        ("a:1", ("a", 1)),
        ("[::1]", ("::1", None)),
        ("::1", ("::1", None)),
        ("a:", ("a", None)),
        ("a:x", None),
        ("[a", None),
    ],
)
def test_host_and_port(text, split):
    assert split_port(text) == split


@pytest.mark.parametrize(
    ("yaml_text", "variables", "host", "url"),
    [
        (None, {"DD_PROXY_HTTPS": "my-proxy:3128"}, "api.datadoghq.com", "http://my-proxy:3128"),
        (
            None,
            {"DD_PROXY_HTTPS": "my-proxy:3128", "DD_SITE": "datadoghq.eu", "NO_PROXY": "127.0.0.1,localhost,datadoghq.eu"},
            "api.datadoghq.eu",
            None,
        ),
        # Better: the reference goes around the proxy for every host once the site is on the list.
        (None, {"DD_PROXY_HTTPS": "my-proxy:3128", "NO_PROXY": "datadoghq.com"}, "metrics.example", "http://my-proxy:3128"),
        ("proxy: {https: my-proxy:3128, no_proxy: [datadoghq.com]}", {}, "trace.agent.datadoghq.com", None),
        # Better: HTTPS_PROXY does not undo a bypass of the file.
        ("proxy: {no_proxy: [datadoghq.com]}", {"HTTPS_PROXY": "my-proxy:3128"}, "trace.agent.datadoghq.com", None),
        (None, {}, "api.datadoghq.com", None),
    ],
)
def test_the_way_to_a_destination(sound, yaml_text, variables, host, url):
    settings = sound(yaml_text, **variables)
    assert proxy_for(settings.https_proxy_url, settings.no_proxy, host, 443) == url


@given(entry=st.text(max_size=30), host=st.text(max_size=30), port=st.integers(0, 65535))
def test_any_texts_have_an_answer(entry, host, port):
    assert bypasses((entry,), host, port) in (True, False)


@given(st.text(max_size=40))
def test_any_text_is_a_proxy_or_none_and_normalising_twice_is_normalising_once(text):
    url = proxy_url(text)
    assert url is None or proxy_url(url) == url
