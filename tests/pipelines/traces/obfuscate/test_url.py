"""URLs (specification, traces 9.2)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.traces.obfuscate.url import URL_CHARACTERS_MAX, obfuscate_url

# fmt: off
# (remove the query, remove segments with digits, URL, result)
URLS = [
    (False, False, 'http://user:password@foo.com/1/2/3?q=james', 'http://foo.com/1/2/3?q=james'),
    (True, False, 'http://foo.com/id/123/page/1?search=bar&page=2#fragment', 'http://foo.com/id/123/page/1?#fragment'),
    (True, False, 'http://foo.com/id/123/pa%3Fge/1?blabla', 'http://foo.com/id/123/pa%3Fge/1?'),
    (False, True, 'http://foo.com/id/a1/page/1qwe233?search=bar&page=2#fragment-123', 'http://foo.com/id/?/page/??search=bar&page=2#fragment-123'),
    (False, True, 'http://foo.com/1%3F3/nam%3Fe/abcd9', 'http://foo.com/?/nam%3Fe/?'),
    (True, True, 'http://mysite.mydomain/1/2?q=asd', 'http://mysite.mydomain/?/??'),
    (False, False, 'http://foo.com/foo%20bar/', 'http://foo.com/foo%20bar/'),
    (False, False, 'this is not a valid url', 'this%20is%20not%20a%20valid%20url'),
    (False, False, ':', ':'),
    (True, True, ':', '?'),
    (False, False, '%', '%'),
    (True, True, '%', '?'),
    (True, True, '\x10\u10f8', '?'),
    (False, False, '\x10', '\x10'),
    (True, True, '#', ''),
    (True, True, '##', '#%23'),
    (True, True, '<!', '%3C%21'),
    (True, True, '!', '!'),
    (True, True, '!ჸ', '%21%E1%83%B8'),
    (True, False, '%30ჸ', '0%E1%83%B8'),
    (False, True, 'ჸ?ჸ', '%E1%83%B8?ჸ'),
    (True, True, 'C:#', 'c:'),
    (True, True, "#'ჸ", '#%27%E1%83%B8'),
    (True, True, 'A:ჸ', 'a:ჸ'),
    (True, True, 'http://[zz]/a', '?'),
    (True, True, 'http://[1.2]/a', '?'),
    (True, True, 'http://[v1.z]/a', 'http://[v1.z]/a'),
    (True, True, 'http://[FE80::1]/a', 'http://[FE80::1]/a'),
]
# fmt: on


@pytest.mark.parametrize(("remove_query", "remove_digits", "url", "result"), URLS)
def test_rows(remove_query, remove_digits, url, result):
    assert obfuscate_url(url, remove_query, remove_digits) == result


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("", ""),
        ("HTTPS://User@Example.com:8443/a?b", "https://Example.com:8443/a?b"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://h/[x]", "http://h/[x]"),
        ("http://h/é[x]", "http://h/%C3%A9%5Bx%5D"),
        ("//user:pw@host/path", "//host/path"),
        ("/only/a path", "/only/a%20path"),
        ("http://h/%41%2D%7E%7e%2f", "http://h/A%2D~~%2f"),
        ("http://h/a#b c'", "http://h/a#b%20c'"),
        ("mailto:a1@b", "mailto:a1@b"),
        ("http://h:8o/x", "http://h:8o/x"),
        ("http://h/?q=%zz", "http://h/?q=%zz"),
    ],
)
def test_what_the_rows_leave_open(url, result):
    assert obfuscate_url(url) == result


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("http://user:pass%zz@host/x", "http://host/x"),
        ("http://user:p@ss@host/x", "http://host/x"),
        ("http://user:secret@host:bad/x@y", "http://host:bad/x@y"),
        ("http://user:secret@host/%", "http://host/%"),
        ("http://user:se\x00cret@host/?a", "http://host/?a"),
        ("http://user:pass%zz@host/a b", "http://host/a%20b"),
        ("##//]@", "#%23//"),
    ],
)
def test_credentials_go_even_where_the_rest_is_no_url(url, result):
    assert obfuscate_url(url) == result
    assert obfuscate_url(url, remove_query=True) == "?"


def test_a_url_beyond_all_bounds_is_hidden():
    assert obfuscate_url("http://h/" + "a" * URL_CHARACTERS_MAX) == "?"


@given(st.text() | st.text("/:@?#%[]a1 .é'\ud800", max_size=30), st.booleans(), st.booleans())
def test_every_text_gives_a_text(url, remove_query, remove_digits):
    assert isinstance(obfuscate_url(url, remove_query, remove_digits), str)


@given(st.text("/:@?#%[]a1 .é'", max_size=30))
@example("//]@é")
def test_without_options_a_second_time_changes_nothing(url):
    once = obfuscate_url(url)
    assert obfuscate_url(once) == once


PATHS = st.lists(st.text("abc123%20é ", min_size=1, max_size=6), max_size=4).map("/".join)


@given(PATHS, st.text("abc=&1", max_size=9))
def test_no_segment_with_a_digit_and_no_query_survives(path, query):
    result = obfuscate_url(f"http://name:word@host/{path}?{query}#", remove_query=True, remove_digits=True)
    shown = result.removeprefix("http://host/")
    assert shown == "?" or shown.endswith("?")
    assert not any(segment.isdigit() for segment in shown.split("/"))
    assert "word" not in result
    assert "=" not in result
