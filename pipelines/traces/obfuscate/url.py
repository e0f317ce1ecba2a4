"""URLs without credentials, and if so asked without query and without path segments that hold digits. (specification, traces 9.2)

Whatever cannot be read as a URL is `?` when one of the options is on. With both off it stays as it is, but for what stands before an `@`
in its authority: credentials are never kept because something else in the text is broken.
"""

import re
from functools import cache
from urllib.parse import unquote

URL_CHARACTERS_MAX = 65536
HIDDEN = "?"

ALWAYS_ENCODED = r'\\^{}|<>` "'
ENCODED_BESIDE_IN_PATH = r"!'()*\[\]"
ENCODED_BESIDE_IN_FRAGMENT = r"'\[\]"
PLAIN = r"[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2}"
IN_BRACKETS = r"(?=[0-9A-Fa-f.]*+:)[0-9A-Fa-f:.]++|[vV][0-9A-Fa-f]++\.[0-9A-Za-z.:\-_~!$&'()*+,;=]++"
HOST = rf"\[(?:{IN_BRACKETS})\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{{2}})*+"
USER = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*+@"
URL = rf"(?:([A-Za-z][A-Za-z0-9+.\-]*+):)?+(?:(//(?:{USER})?+((?:{HOST})(?::[0-9]*+)?+))(?=/|\Z)|(?!//))((?:{PLAIN})*+)\Z"
FRAGMENT = rf"(?:{PLAIN}|[?])*+\Z"
NEEDLESSLY_ENCODED = r"%(3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|2[Ee]|5[Ff]|7[Ee])"


def obfuscate_url(text: str, remove_query: bool = False, remove_digits: bool = False) -> str:
    if len(text) > URL_CHARACTERS_MAX:
        return HIDDEN
    before, has_fragment, fragment = text.partition("#")
    path, has_query, query = before.partition("?")
    encoded = _encode(path, ALWAYS_ENCODED, ENCODED_BESIDE_IN_PATH)
    fragment = _encode(fragment, r"#\x00-\x1f\x7f" + ALWAYS_ENCODED, ENCODED_BESIDE_IN_FRAGMENT, only_beside_non_ascii=True)
    parts = None if _compiled(r"[\x00-\x1f\x7f]").search(before) else _compiled(URL).match(encoded)
    if parts is None or not _compiled(FRAGMENT).match(fragment) or (parts[1] is None and parts[2] is None and _has_colon_first(encoded)):
        return HIDDEN if remove_query or remove_digits else _bare(text)
    pieces = [_base(parts, path, remove_digits)]
    if has_query:
        pieces += ("?", "" if remove_query else query)
    if has_fragment and fragment:
        pieces += ("#", fragment)
    return "".join(pieces)


def _base(parts: re.Match[str], original: str, remove_digits: bool) -> str:
    """Scheme, host and path. What follows a scheme without an authority is no path: it stays as it came."""
    scheme, authority, host, path = parts.groups()
    if scheme is not None and authority is None:
        return f"{scheme.lower()}:{original[len(scheme) + 1 :]}"
    path = _compiled(NEEDLESSLY_ENCODED).sub(_decode, path)
    if remove_digits:
        path = "/".join(HIDDEN if _holds_digit(segment) else segment for segment in path.split("/"))
    return f"{scheme.lower() + ':' if scheme else ''}{'' if authority is None else '//' + host}{path}"


def _encode(text: str, always: str, beside: str, only_beside_non_ascii: bool = False) -> str:
    """Percent-encode what no URL holds; where there is some of it, also a few characters that could stay."""
    if not _compiled(rf"[^\x00-\x7f]|[{always}]").search(text):
        return text
    also = "" if only_beside_non_ascii and text.isascii() else beside
    return _compiled(rf"[^\x00-\x7f]|[{always}{also}]").sub(_percent, text)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace"))


def _decode(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _holds_digit(segment: str) -> bool:
    return _compiled("[0-9]").search(unquote(segment) if "%" in segment else segment) is not None


def _has_colon_first(path: str) -> bool:
    return ":" in path.partition("/")[0]


def _bare(text: str) -> str:
    """A text that is no URL, without credentials; it may be one without them."""
    bare = _without_credentials(text)
    return text if bare == text else obfuscate_url(bare)


def _without_credentials(text: str) -> str:
    """The text without what stands between `//` and the last `@` before the next slash, question mark or hash."""
    start = text.find("//")
    if start == -1:
        return text
    end = _compiled("[^/?#]*+").match(text, start + 2)
    assert end is not None
    at = text.rfind("@", start + 2, end.end())
    return text if at == -1 else text[: start + 2] + text[at + 1 :]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
