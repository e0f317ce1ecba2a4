"""An API key as text: cleaned, checked to be fit for a header, and looked at for the usual mistakes (specification, secrets 1 and 10).

Nothing said here ever holds a part of the key.
"""

import attrs

KEY_CHARACTERS_MAX = 1024
BLANKS = " \t\r\n"
HEX = "0123456789abcdefABCDEF"


@attrs.frozen
class Failure:
    """Why there is no key: words for one line of log, without any secret. `transient`: trying again may help."""

    reason: str
    transient: bool = False


def clean_key(raw: str) -> str | Failure:
    """The key without what copying adds: line ends, quotes around it, blanks and tabs anywhere. A Failure if it is then no header value."""
    text = raw.strip(BLANKS)
    for quote in "\"'":
        if len(text) > 1 and text[0] == text[-1] == quote:
            text = text[1:-1].strip(BLANKS)
    key = text.replace(" ", "").replace("\t", "")
    if not key:
        return Failure("API key has invalid format: it is empty")
    if len(key) > KEY_CHARACTERS_MAX:
        return Failure(f"API key has invalid format: {len(key)} characters are more than {KEY_CHARACTERS_MAX}")
    if not is_header_safe(key):
        return Failure("API key has invalid format: it holds characters that no HTTP header may hold")
    return key


def is_header_safe(text: str) -> bool:
    """Whether `text` may be a header's value: printable ASCII."""
    return text.isascii() and text.isprintable()


def doubt(key: str) -> str:
    """What looks wrong with a key that can be sent; empty for 32 hexadecimal digits and for whatever is merely unusual."""
    if key.startswith("arn:"):
        return "it looks like an ARN: DD_API_KEY_SECRET_ARN and DD_API_KEY_SSM_ARN take those"
    if len(key) == 40 and not key.strip(HEX):
        return "40 hexadecimal digits look like an application key; an API key has 32"
    if key.startswith("{"):
        return "it is a JSON object without dd_api_key or apiKey, used as it is"
    return ""
