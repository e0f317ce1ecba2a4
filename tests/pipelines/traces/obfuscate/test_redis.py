"""Commands of Redis, Valkey and Memcached (specification, traces 9.4 to 9.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.traces.obfuscate.redis import (
    COMMAND_CHARACTERS_MAX,
    obfuscate_command,
    obfuscate_memcached,
    quantise,
    remove_arguments,
)

# fmt: off
NAMES = [
    ('get my_key', 'GET'),
    ('\n\n  \nSET foo bar  \n  \n', 'SET'),
    ('CONFIG SET parameter value', 'CONFIG SET'),
    ('CLIENT ...', '...'),
    ('SET toto tata \n \n  EXPIRE toto 15  ', 'SET EXPIRE'),
    ('MULTI\nSET k1 v1\nSET k2 v2\nSET k3 v3', 'MULTI SET SET ...'),
    ('GET k1\nGET k2\nG...', 'GET GET ...'),
    ('GET k1\nDE...\nGET k2', 'GET GET'),
    ('GET k...\nDE...\nMS...', 'GET ...'),
    ('\r\n', '\r'),
]

COMMANDS = [
    ('AUTH james my-secret-password', 'AUTH ?'),
    ('ACL SETUSER alice on >password ~*', 'ACL SETUSER ?'),
    ('SET key value [expiration EX seconds]', 'SET key ? [expiration EX seconds]'),
    ('HSET key field value \nHSETNX key field value\nBLAH', 'HSET key field ?\nHSETNX key field ?\nBLAH'),
    ('LINSERT key BEFORE pivot value', 'LINSERT key BEFORE pivot ?'),
    ('GEOADD key longitude latitude member longitude latitude member', 'GEOADD key longitude latitude ? longitude latitude ?'),
    ('MSET key value key value', 'MSET key ? key ?'),
    ('BITFIELD key GET type offset SET type offset value INCRBY type', 'BITFIELD key GET type offset SET type offset ? INCRBY type'),
    ('ZADD key NX CH INCR score member score member', 'ZADD key NX CH INCR score ? score ?'),
]

WITHOUT_ARGUMENTS = [
    ('SET key value', 'SET ?'),
    ('CONFIG SET key value', 'CONFIG SET ?'),
    ('bitfield key SET key value incrby 3', 'bitfield ? SET ? incrby ?'),
    ('GET', 'GET'),
]
# fmt: on


@pytest.mark.parametrize(("text", "result"), NAMES)
def test_names(text, result):
    assert quantise(text) == result


@pytest.mark.parametrize(("text", "result"), [("", ""), ("config", "CONFIG"), ("straße x", "STRAßE"), ("CONFIG ...\nGET k", "GET")])
def test_names_at_the_edges(text, result):
    assert quantise(text) == result


@pytest.mark.parametrize(("text", "result"), COMMANDS)
def test_commands(text, result):
    assert obfuscate_command(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("AUTH", "AUTH"),
        ("get key", "get key"),
        ("SET key", "SET key"),
        ('set "a key" "a \\" secret\nvalue" EX 3', 'set "a key" ? EX 3'),
        ('SET k "never ended secret', "SET k ?"),
        ("config set requirepass secret", "config set requirepass ?"),
        ("BITFIELD k SET u8 0 secret SET u8 1 secret", "BITFIELD k SET u8 0 ? SET u8 1 ?"),
        ("GEOADD key NX 1 2 secret", "GEOADD key NX 1 2 ?"),
        ("ZADD key GT CH 1 secret", "ZADD key GT CH 1 ?"),
        ("SADD s secret secret\n\nPING", "SADD s ?\nPING"),
        ("LSET l 0 secret", "LSET l 0 ?"),
        ("SET k se\\ cret", "SET k ?"),
    ],
)
def test_commands_at_the_edges(text, result):
    assert obfuscate_command(text) == result


def test_of_a_very_long_command_only_the_name_is_kept():
    assert obfuscate_command("GET k " + "secret" * COMMAND_CHARACTERS_MAX) == "GET"


@pytest.mark.parametrize(("text", "result"), WITHOUT_ARGUMENTS)
def test_without_arguments(text, result):
    assert remove_arguments(text) == result


@pytest.mark.parametrize(
    ("text", "result"), [("", ""), ("config other x", "config ?"), ("CONFIG get", "CONFIG get ?"), ("SET k v\nSET a b", "SET ?")]
)
def test_without_arguments_at_the_edges(text, result):
    assert remove_arguments(text) == result


@pytest.mark.parametrize(
    ("keep", "text", "result"),
    [
        (True, "add newkey 0 60 5\r\nvalue\r\nvalue1", "add newkey 0 60 5"),
        (True, " get key ", "get key"),
        (False, "set key 0 0 0\r\nvalue", ""),
    ],
)
def test_memcached(keep, text, result):
    assert obfuscate_memcached(text, keep) == result


@given(st.text() | st.text('SET "\\\n.', max_size=20))
def test_every_text_gives_a_text(text):
    for function in (quantise, obfuscate_command, remove_arguments):
        assert isinstance(function(text), str)


@given(st.sampled_from(["AUTH", "SADD k", "SET k", "LSET k 1", "HSET k f", "ZADD k 1", "CONFIG SET k"]), st.text("ab\\' é", max_size=9))
def test_no_value_survives(command, text):
    quoted = text.replace("\\", "\\\\")
    assert obfuscate_command(f'{command} "SECRET{quoted}"') == f"{command} ?"
    assert "SECRET" not in remove_arguments(f"{command} SECRET{text}")
