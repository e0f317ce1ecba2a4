"""Commands of Redis, Valkey and Memcached: their names for the resource, raw commands without values. (specification, traces 9.4 to 9.6)

Where the reference would leave a value in clear, it is hidden here: BITFIELD with more than one SET, ZADD and GEOADD with newer options.
"""

import re
from collections.abc import Iterator
from functools import cache

COMMANDS_SHOWN_MAX = 3
COMMAND_CHARACTERS_MAX = 65536
TRUNCATED = "..."

TWO_WORDS = frozenset({"CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DEBUG", "SCRIPT"})

# Where values stand: how many arguments are kept before everything else becomes one placeholder,
ALL_AFTER: dict[str, int] = {"AUTH": 0, "MIGRATE": 0, "HELLO": 0}
ALL_AFTER |= dict.fromkeys(("ACL", "GEOHASH", "GEOPOS", "GEODIST", "LPUSH", "RPUSH", "SREM", "ZREM", "SADD"), 1)
# the place of the one value, from 0,
ONE_AT: dict[str, int] = dict.fromkeys(
    ("APPEND", "GETSET", "LPUSHX", "GEORADIUSBYMEMBER", "RPUSHX", "SET", "SETNX", "SISMEMBER", "ZRANK", "ZREVRANK", "ZSCORE"), 1
)
ONE_AT |= dict.fromkeys(("HSETNX", "LREM", "LSET", "SETBIT", "SETEX", "PSETEX", "SETRANGE", "ZINCRBY", "SMOVE", "RESTORE"), 2)
ONE_AT |= {"LINSERT": 3}
# or the first of groups, their length and the options that may stand before them.
EACH = {
    "GEOADD": (1, 3, frozenset({"NX", "XX", "CH"})),
    "HMSET": (1, 2, frozenset[str]()),
    "HSET": (1, 2, frozenset[str]()),
    "MSET": (0, 2, frozenset[str]()),
    "MSETNX": (0, 2, frozenset[str]()),
    "ZADD": (1, 2, frozenset({"NX", "XX", "CH", "INCR", "GT", "LT"})),
}
SUBCOMMANDS_OF_CONFIG = frozenset({"GET", "SET", "RESETSTAT", "REWRITE"})
SUBCOMMANDS_OF_BITFIELD = frozenset({"SET", "GET", "INCRBY"})

ARGUMENT = r"""(?s:\n|(?:[^ \n"\\]++|\\.|\\\Z|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))++)"""


def quantise(text: str) -> str:
    """The names of the first three commands in upper case: what kind of request it is."""
    shown: list[str] = []
    is_truncated = False
    for line in text[:COMMAND_CHARACTERS_MAX].split("\n"):
        words = [word for word in line.split(" ") if word]
        if not words:
            continue
        name = _name(words)
        is_truncated = name is None
        if name is not None:
            shown.append(name)
            if len(shown) == COMMANDS_SHOWN_MAX:
                return " ".join([*shown, TRUNCATED])
    return " ".join([*shown, TRUNCATED] if is_truncated else shown)


def _name(words: list[str]) -> str | None:
    """A command's name; None if the tracer has cut it off."""
    if words[0].endswith(TRUNCATED):
        return None
    name = _upper(words[0])
    if name not in TWO_WORDS or len(words) == 1:
        return name
    return None if words[1].endswith(TRUNCATED) else f"{name} {_upper(words[1])}"


def _upper(word: str) -> str:
    """Characters whose upper case is more than one character stay."""
    if word.isascii():
        return word.upper()
    return "".join(upper if len(upper := character.upper()) == 1 else character for character in word)


# --- raw commands


def obfuscate_command(text: str) -> str:
    """Each line with `?` where the command takes a value. Of a very long text only the names are kept."""
    if len(text) > COMMAND_CHARACTERS_MAX:
        return quantise(text)
    return "\n".join(" ".join([command, *_without_values(command, arguments)]) for command, arguments in _commands(text.strip()))


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Commands with their arguments. A quoted argument may hold spaces and line ends; a command's name is not quoted."""
    at = 0
    while at < len(text):
        head = _compiled(r"[^ \n]*+").match(text, at)
        assert head is not None
        at, arguments = head.end(), []
        for match in _compiled(ARGUMENT).finditer(text, at):
            at = match.end()
            if match[0] == "\n":
                break
            arguments.append(match[0])
        else:
            at = len(text)
        if head[0] or arguments:
            yield head[0], arguments


def _without_values(command: str, arguments: list[str]) -> list[str]:
    name = command.upper()
    if name in ALL_AFTER:
        kept = arguments[: ALL_AFTER[name]]
        return [*kept, "?"] if len(arguments) > len(kept) else kept
    if name in ONE_AT:
        return _hide(arguments, [ONE_AT[name]])
    if name in EACH:
        return _hide(arguments, _places(arguments, *EACH[name]))
    if name == "CONFIG" and arguments and arguments[0].upper() == "SET":
        return _hide(arguments, [2])
    if name == "BITFIELD":
        return _hide(arguments, [place + 3 for place, argument in enumerate(arguments) if argument.upper() == "SET"])
    return arguments


def _places(arguments: list[str], first: int, step: int, options: frozenset[str]) -> range:
    """The last place of each group."""
    while first < len(arguments) and arguments[first].upper() in options:
        first += 1
    return range(first + step - 1, len(arguments), step)


def _hide(arguments: list[str], places: range | list[int]) -> list[str]:
    for place in places:
        if place < len(arguments):
            arguments[place] = "?"
    return arguments


def remove_arguments(text: str) -> str:
    """The first line's command without any of its arguments."""
    words = text[:COMMAND_CHARACTERS_MAX].strip().partition("\n")[0].split()
    if len(words) < 2:
        return " ".join(words)
    name = words[0].upper()
    if name == "BITFIELD":
        kept = [f" {word} ?" for word in words[1:] if word.upper() in SUBCOMMANDS_OF_BITFIELD]
        return f"{words[0]} ?{''.join(kept)}"
    if name == "CONFIG" and words[1].upper() in SUBCOMMANDS_OF_CONFIG:
        return f"{words[0]} {words[1]} ?"
    return f"{words[0]} ?"


def obfuscate_memcached(text: str, keep_command: bool) -> str:
    """The command line without the value that follows it, or nothing at all."""
    return text.partition("\r\n")[0].strip() if keep_command else ""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
