"""IP addresses in the value of a peer tag, made one: else every host were a group of its own (specification, stats 2.6)."""

BLOCKED = "blocked-ip-address"
LOCAL = frozenset({"127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "169.254.170.2"})  # this machine and its platform's
SCHEMES = ("dnspoll", "ftp", "file", "http", "https")
SEPARATORS = ".-_"
IPV6_CHARS_MAX = 45


def quantise(value: str) -> str:
    """The value with each address replaced; of several parts that look the same afterwards, the first."""
    if "," not in value:
        return _quantise_part(value)
    return ",".join(dict.fromkeys(map(_quantise_part, value.split(","))))


def _quantise_part(part: str) -> str:
    start = _prefix_end(part)
    rest = part[start:]
    found = _ipv4_end(rest)
    if found:
        return part if rest[:found] in LOCAL else f"{part[:start]}{BLOCKED}{rest[found:]}"
    address, suffix = _ipv6(rest)
    return part if not address or address in LOCAL else f"{part[:start]}{BLOCKED}{suffix}"


def _prefix_end(part: str) -> int:
    """Where an address would begin: behind `ip-`, or behind a scheme with two or three slashes."""
    if part.startswith("ip-"):
        return 3
    scheme, colon, rest = part.partition(":")
    if not colon or scheme not in SCHEMES or not rest.startswith("//"):
        return 0
    return len(scheme) + (4 if rest.startswith("///") else 3)


def _ipv4_end(text: str) -> int:
    """How many characters of the start are four fields with one kind of separator; 0 when they are not."""
    position, separator = 0, ""
    for field in range(4):
        if field:
            separator = separator or text[position : position + 1]
            if not separator or separator not in SEPARATORS or text[position : position + 1] != separator:
                return 0
            position += 1
        end = _field_end(text, position)
        if not end:
            return 0
        position = end
    return position


def _field_end(text: str, start: int) -> int:
    """Where a number from 0 to 255 without leading zeros ends; 0 when there is none."""
    end = start
    while end < len(text) and end - start < 4 and text[end] in "0123456789":
        end += 1
    digits = text[start:end]
    is_field = 0 < len(digits) < 4 and int(digits) <= 255 and (digits == "0" or digits[0] != "0")
    return end if is_field else 0


def _ipv6(text: str) -> tuple[str, str]:
    """The address that the whole text is, or that its brackets hold, and what follows them."""
    if text.startswith("["):
        address, bracket, suffix = text[1:].partition("]")
        return (address, suffix) if bracket and _is_ipv6(address) else ("", "")
    return (text, "") if _is_ipv6(text) else ("", "")


def _is_ipv6(text: str) -> bool:
    if text.count(":") < 2 or len(text) > IPV6_CHARS_MAX:
        return False
    import ipaddress

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
