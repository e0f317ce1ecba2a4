"""From one raw value to one typed value (specification, configuration 2 and 3).

A parser gets the raw text of a variable, or the typed value of a YAML node, and a `Reading`. It returns the value or `UNSET`, notes
the parts it skipped, and raises `BadValue` when nothing can be used. It never raises anything else. Variables are read with the
type that the setting declares, so a version `1.10` stays text and an all-digit key stays a key.
"""

from collections.abc import Callable

from .reading import ERROR, UNSET, BadValue, Reading, Unset

BLANKS = " \t\r\n\f\v"
TRUE_WORDS = frozenset(("true", "t", "yes", "y", "on", "1"))
FALSE_WORDS = frozenset(("false", "f", "no", "n", "off", "0"))
LOG_LEVELS = ("error", "warn", "info", "debug", "trace")
LOG_STATUSES = ("critical", "error", "warn", "info", "debug", "trace")
LINE_KINDS = ("start", "end", "report", "init_start")
STYLES = ("datadog", "tracecontext", "baggage", "b3multi", "b3", "none")
ZSTD_LEVEL_MIN, ZSTD_LEVEL_MAX = -131072, 22
GRPC_MIB_DEFAULT, GRPC_MIB_MAX = 4, 50
DIGITS_MAX = 20  # 2**64 has twenty

Parser = Callable[[object, Reading], object]


def parse_text(value: object, reading: Reading) -> str:
    """Text as written, without leading blanks and one pair of surrounding quotes. Empty text is a value: it clears a lower source.

    A number of a YAML file is the text it was written as: a key of digits alone needs no quotes there, as it needs none in a variable.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadValue("not a text")
    return str(value) if reading.native else unquoted(str(value))


def parse_optional_text(value: object, reading: Reading) -> str | None:
    """As text; blank clears a lower source and means "none"."""
    text = parse_text(value, reading).strip(BLANKS)
    return text or None


def parse_text_or_number(value: object, reading: Reading) -> str | Unset:
    """Text, or a number exactly as it was written (a YAML `1.10` is not `1.1`). Blank counts as absent."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadValue("neither a text nor a number")
    text = str(value) if reading.native else unquoted(str(value))
    return text if text.strip(BLANKS) else UNSET


def unquoted(raw: str) -> str:
    text = raw.lstrip(BLANKS)
    bare = text.rstrip(BLANKS)
    if len(bare) >= 2 and bare[0] == bare[-1] == '"':
        return bare[1:-1]
    if len(bare) == 3 and bare[0] == bare[-1] == "'":
        return bare[1]
    return text


def parse_bool(value: object, reading: Reading) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        word = unquoted(value).strip(BLANKS).lower()
        if word in TRUE_WORDS or word == "1.0":
            return True
        if word in FALSE_WORDS or word == "0.0":
            return False
    raise BadValue("not a boolean: write true or false")


def parse_standalone_flag(value: object, reading: Reading) -> bool:
    """A flag that the tracers read as text: only the words for false are false, whatever else stands there is true."""
    try:
        return parse_bool(value, reading)
    except BadValue:
        return True


def integer_between(low: int, high: int) -> Callable[[object, Reading], int]:
    """A parser of whole numbers `low` to `high`. A float, quoted digits or a number outside is refused."""

    def parse_integer(value: object, reading: Reading) -> int:
        number = whole_number(value, reading)
        if not low <= number <= high:
            raise BadValue(f"not between {low} and {high}")
        return number

    return parse_integer


def whole_number(value: object, reading: Reading) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and not reading.native:
        text = value.strip(BLANKS)
        digits = text[1:] if text[:1] in ("+", "-") else text
        if digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX:
            return int(text)
    raise BadValue("not a whole number")


parse_unsigned = integer_between(0, 2**64 - 1)
parse_u32 = integer_between(0, 2**32 - 1)
parse_i32 = integer_between(-(2**31), 2**31 - 1)
parse_positive = integer_between(1, 2**63 - 1)


def parse_size(value: object, reading: Reading) -> int:
    """A size that must not be 0; an error, because the reference says so loudly (specification, metrics 0)."""
    number = parse_unsigned(value, reading)
    if number == 0:
        raise BadValue("0 is no usable size", ERROR)
    return min(number, 2**31 - 1)  # what the kernel's `int` holds


def parse_compression_level(value: object, reading: Reading) -> int:
    """A zstd level; what the library would refuse becomes its nearest level."""
    level = parse_i32(value, reading)
    nearest = min(max(level, ZSTD_LEVEL_MIN), ZSTD_LEVEL_MAX)
    if nearest != level:
        reading.skip(f"zstd has no level {level}, using {nearest}")
    return nearest


def parse_grpc_mib(value: object, reading: Reading) -> int:
    """Mebibytes, 1 to 50 (specification, configuration 5 OTLP)."""
    mib = parse_i32(value, reading)
    if mib <= 0:
        reading.skip(f"not a size, using {GRPC_MIB_DEFAULT} MiB", ERROR)
        return GRPC_MIB_DEFAULT
    if mib > GRPC_MIB_MAX:
        reading.skip(f"over the limit, using {GRPC_MIB_MAX} MiB", ERROR)
        return GRPC_MIB_MAX
    return mib


def parse_timeout_s(value: object, reading: Reading) -> int:
    """Whole seconds, at least 1: a timeout of 0 would fail every request."""
    seconds = parse_unsigned(value, reading)
    if seconds == 0:
        raise BadValue("0 seconds would fail every request")
    return seconds


def parse_seconds(value: object, reading: Reading) -> float:
    """Seconds, fractions allowed, not negative, finite."""
    seconds = number_of(value, reading)
    if not 0 <= seconds < 1e18:  # also refuses NaN
        raise BadValue("not a number of seconds from 0 up")
    return seconds


def parse_seconds_zero_unset(value: object, reading: Reading) -> float | Unset:
    """Seconds, where less than one whole second means "off"."""
    seconds = parse_seconds(value, reading)
    return seconds if seconds >= 1 else UNSET


def number_of(value: object, reading: Reading) -> float:
    """A plain decimal number. Python's own words (`inf`, `nan`, `1_0`) are refused."""
    if isinstance(value, str) and not reading.native:
        text = value.strip(BLANKS)
        if text and not text.strip("0123456789+-.eE"):
            try:
                return float(text)
            except ValueError:
                pass
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise BadValue("not a number")


def parse_comma_list(value: object, reading: Reading) -> tuple[str, ...] | Unset:
    """Items between commas, trimmed, empty ones dropped; YAML may also give a list of texts. None left counts as absent."""
    pieces = unbracketed(value).split(",") if isinstance(value, str) else list_of(value)
    return tuple(item for piece in pieces if (item := text_item(piece, reading))) or UNSET


def unbracketed(raw: str) -> str:
    """The inside of `[a,b]` or `{a:b}`: people write a list or a map where a plain text is asked for, and mean the same."""
    text = unquoted(raw).strip(BLANKS)
    return text[1:-1] if len(text) >= 2 and text[0] + text[-1] in ("[]", "{}") else text


def list_of(value: object) -> list[object]:
    if not isinstance(value, list):
        raise BadValue("not a list")
    return value


def text_item(piece: object, reading: Reading) -> str:
    if isinstance(piece, str):
        return piece.strip(BLANKS)
    reading.skip("an item that is not a text was left out")
    return ""


def parse_filter_tags(value: object, reading: Reading) -> tuple[tuple[str, str | None], ...] | Unset:
    """Items between white space: `key:value` or `key`; `key:` is `key`, `:value` is dropped. Blank counts as absent."""
    pairs = []
    for item in parse_text(value, reading).split():
        key, _, wanted = item.partition(":")
        if key:
            pairs.append((key, wanted or None))
    return tuple(pairs) or UNSET


def parse_pairs(value: object, reading: Reading) -> dict[str, str] | Unset:
    """`key:value` pairs: a text with commas and blanks between them, a YAML list of texts, or (remappings) a YAML map."""
    items: list[object]
    if isinstance(value, dict):
        items = [f"{key}:{item}" if isinstance(item, str) else None for key, item in value.items()]
    elif reading.native or not isinstance(value, str):
        items = list_of(value)
    else:
        items = [piece for piece in unbracketed(value).replace(",", " ").split(" ") if piece.strip(BLANKS)]
    return pairs_of(items, reading) or UNSET


def pairs_of(items: list[object], reading: Reading) -> dict[str, str]:
    """Each item is split at its first colon; both sides must be there. The same key twice: the last one counts."""
    pairs = {}
    for item in items:
        key, _, wanted = item.partition(":") if isinstance(item, str) else ("", "", "")
        if key.strip(BLANKS) and wanted.strip(BLANKS):
            pairs[key.strip(BLANKS)] = wanted.strip(BLANKS)
        else:
            reading.skip("a pair without a key, a colon or a value was left out")
    return pairs


def parse_service_mapping(value: object, reading: Reading) -> dict[str, str] | Unset:
    """Pairs between commas; the first two parts of each count, trimmed, and either may be empty (`a:b:c` maps a to b)."""
    mapping = {}
    for piece in parse_text(value, reading).split(","):
        parts = piece.split(":")
        if len(parts) > 1:
            mapping[parts[0].strip(BLANKS)] = parts[1].strip(BLANKS)
        elif piece.strip(BLANKS):
            reading.skip("a pair without a colon was left out")
    return mapping or UNSET


def parse_styles(value: object, reading: Reading) -> tuple[str, ...] | Unset:
    """Propagation styles between commas, any case, in the given order; the same one twice counts once."""
    styles: dict[str, None] = {}
    names = parse_comma_list(value, reading)
    for name in names if isinstance(names, tuple) else ():
        if name.lower() in STYLES:
            styles[name.lower()] = None
        else:
            reading.skip("an unknown style was left out; known are " + ", ".join(STYLES))
    return tuple(styles) or UNSET


def parse_line_kinds(value: object, reading: Reading) -> tuple[str, ...] | Unset:
    """Kinds of platform lines between commas, any case (specification, logs 2)."""
    names = parse_comma_list(value, reading)
    kinds = tuple(name.lower() for name in names) if isinstance(names, tuple) else ()
    for kind in kinds:
        if kind not in LINE_KINDS:
            reading.skip("an unknown kind of line was left out; known are " + ", ".join(LINE_KINDS))
    return tuple(kind for kind in kinds if kind in LINE_KINDS) or UNSET


def parse_shares(value: object, reading: Reading) -> dict[str, float] | Unset:
    """`debug:0.1,info:0.5`: the share of log lines to keep, by status."""
    pieces = parse_comma_list(value, reading)
    shares: dict[str, float] = {}
    for piece in pieces if isinstance(pieces, tuple) else ():
        status, _, number = piece.partition(":")
        status = status.strip(BLANKS).lower()
        try:
            share = number_of(number, reading)
        except BadValue:
            share = -1.0
        if status in LOG_STATUSES and 0 <= share <= 1:
            shares[status] = share
        else:
            reading.skip("a part that is no status with a share between 0 and 1 was left out")
    return shares or UNSET


def parse_log_level(value: object, reading: Reading) -> str:
    level = value.strip(BLANKS).lower() if isinstance(value, str) else ""
    if level not in LOG_LEVELS:
        raise BadValue("not one of " + ", ".join(LOG_LEVELS), ERROR)
    return level


def parse_namespace(value: object, reading: Reading) -> str | None:
    """A metric name prefix: an ASCII letter, then ASCII letters, digits, `_` and `.` (specification, metrics 2.5)."""
    name = parse_optional_text(value, reading)
    if name is None:
        return None
    if not (name.isascii() and name[0].isalpha() and name.replace("_", "a").replace(".", "a").isalnum()):
        raise BadValue("not a metric prefix: a letter first, then letters, digits, _ and .", ERROR)
    return name
