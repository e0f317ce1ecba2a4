"""Which source the settings mean, a key given plainly, and the whole way from the settings to the key."""

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from protocols.http_server import Response
from reactor.config.settings import SETTINGS as ROWS
from reactor.net.pool import Pool
from reactor.secrets import SETTINGS, PlainKey, make_api_key, reload_interval_ms, sources_of, variable_of

KEY, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:dd-key-AbCdEf"
ORGANISATION = "11111111-2222-3333-4444-555555555555"
EVERY = {
    "DD_ORG_UUID": ORGANISATION,
    "DD_KMS_API_KEY": "AQIC==",
    "DD_API_KEY_SECRET_ARN": ARN,
    "DD_API_KEY_SSM_ARN": "/dd/key",
    "DD_API_KEY": OTHER,
}
FETCHED = [name for name in EVERY if name != "DD_API_KEY"]


@pytest.fixture
def said():
    return []


@pytest.fixture
def made(key_settings, sandbox, environment, network, clock, nursery, said):
    """An ApiKey for these variables."""

    def made(environment=environment, **changes):
        say = lambda level, text: said.append((level, text))  # noqa: E731  # shorter than a function of one line
        return make_api_key(key_settings(**changes), sandbox, environment, network, Pool(network), clock, nursery.start_soon, say)

    return made


@pytest.fixture
def stocked(aws):
    aws.secrets[ARN] = {"SecretString": KEY}
    aws.parameters["/dd/key"] = KEY
    aws.ciphertexts["AQIC=="] = (KEY, {"LambdaFunctionName": "my-function"})
    aws.organisations[ORGANISATION] = KEY
    return aws


def lines(said):
    return [line for line in said if line[0] != "DEBUG"]


# --- precedence ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(len(EVERY) + 1))
def test_sources_in_order_of_precedence(key_settings, first):
    given = dict(list(EVERY.items())[first:])
    assert sources_of(key_settings(**given)) == tuple(SETTINGS)[first:]


@pytest.mark.parametrize("name", EVERY)
def test_a_blank_value_is_no_source(key_settings, name):
    assert sources_of(key_settings(**{name: "  "})) == ()
    assert sources_of(key_settings().evolve(**{name.removeprefix("DD_").lower(): " \n"})) == ()


def test_a_source_is_called_by_the_variable_that_turns_it_on():
    assert [variable_of(source) for source in SETTINGS] == list(EVERY)
    assert set(SETTINGS.values()) <= {row.name for row in ROWS}


@pytest.mark.parametrize(
    ("given", "sources", "interval_ms"),
    [
        (None, ("kms",), None),
        ("10", ("kms",), 10_000),
        ("1.5", ("kms", "plain"), 1_500),
        ("0", ("kms",), None),
        (None, ("delegated",), 3_600_000),
        ("60", ("delegated",), 60_000),
    ],
)
def test_how_often_a_key_is_loaded_again(key_settings, given, sources, interval_ms):
    assert reload_interval_ms(key_settings(DD_API_KEY_SECRET_RELOAD_INTERVAL=given), sources) == interval_ms


# --- plain --------------------------------------------------------------------------------------------------------------------


async def test_a_plain_key_is_there_at_once(made, said):
    key = made(DD_API_KEY=f" {KEY}\n")
    assert isinstance(key, PlainKey)
    key.prepare()
    key.thawed()
    key.restored()
    assert await key.key() == KEY
    assert not key.refused(KEY)
    assert said == []
    assert KEY not in repr(key)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "no API key: DD_API_KEY is not set, nor is any other source of a key"),
        ("   ", "no API key: DD_API_KEY is not set, nor is any other source of a key"),
        ("' '", "no API key: DD_API_KEY is not set, nor is any other source of a key"),
        ("secret\x01", "API key has invalid format: it holds characters that no HTTP header may hold"),
        ("s\nX-Evil: 1", "API key has invalid format: it holds characters that no HTTP header may hold"),
    ],
)
async def test_a_plain_key_that_cannot_be_sent_is_refused_in_one_line(made, said, value, text):
    key = made(DD_API_KEY=value)
    assert await key.key() is None
    assert await key.key() is None
    assert said == [("ERROR", text)]


async def test_an_arn_in_the_place_of_the_key_is_recognised(made, said):
    key = made(DD_API_KEY=ARN)
    assert await key.key() == ARN
    [(level, text)] = said
    assert level == "WARN"
    assert ARN not in text


def test_a_plain_key_loads_nothing_that_fetching_needs():
    code = (
        "import sys, reactor.secrets as s; s.PlainKey('0' * 32, print); "
        "print({'hashlib', 'fsm.secret', 'protocols.sigv4', 'reactor.fetched_key', 'json', 'trio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


# --- fetched ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FETCHED)
async def test_every_source_from_the_settings_to_the_key(autojump_clock, everything, stocked, made, said, name):
    key = made(**{name: EVERY[name]})
    assert stocked.calls == []
    assert await key.key() == KEY
    assert lines(said) == []


@pytest.mark.parametrize("name", FETCHED)
async def test_every_source_in_a_restored_sandbox(autojump_clock, everything, stocked, made, restored_environment, name):
    key = made(environment=restored_environment, **{name: EVERY[name]})
    assert await key.key() == KEY
    key.restored()
    assert await key.key() == KEY
    assert stocked.calls.count("container") == 2


@pytest.mark.parametrize("name", FETCHED)
async def test_a_wrong_secret_gives_way_to_the_plain_key(autojump_clock, everything, made, said, name):
    key = made(DD_API_KEY=OTHER, **{name: EVERY[name]})
    assert await key.key() == OTHER
    [(level, text)] = lines(said)
    assert level == "WARN"
    assert text.startswith(f"{name} gave no API key: ")
    assert text.endswith("; using the API key of DD_API_KEY")


@pytest.mark.parametrize("name", FETCHED)
async def test_an_absent_service_is_told_and_costs_little_time(autojump_clock, made, said, name):
    assert await made(**{name: EVERY[name]}).key() is None
    assert trio.current_time() < 0.5
    [(level, text)] = lines(said)
    assert level == "ERROR"
    assert text.startswith(f"no API key, so telemetry waits: {name} gave no API key: http://")


@pytest.mark.parametrize("name", FETCHED)
async def test_a_slow_service_holds_nobody_longer_than_the_bound(autojump_clock, network, server_of, stocked, made, name):
    async def slowly(request):
        await trio.sleep(4)
        return await (stocked.exchange if name == "DD_ORG_UUID" else stocked.service)(request)

    stocked.ciphertexts["AQIC=="] = (KEY, None)  # one call, not two of four seconds
    await server_of(network, 4566, slowly)
    await server_of(network, 8090, slowly)
    key = made(**{name: EVERY[name]})
    assert await key.key() is None
    assert trio.current_time() == pytest.approx(3)
    await trio.sleep(1.5)
    assert await key.key() == KEY


@pytest.mark.parametrize("name", FETCHED)
async def test_a_service_that_is_down_for_a_moment_is_tried_again(autojump_clock, network, server_of, stocked, made, said, name):
    answer = stocked.exchange if name == "DD_ORG_UUID" else stocked.service
    await server_of(network, 8090 if name == "DD_ORG_UUID" else 4566, 503, answer)
    assert await made(**{name: EVERY[name]}).key() == KEY
    assert lines(said) == []


async def test_every_try_of_a_delegated_key_has_a_proof_of_its_own(autojump_clock, network, server_of, stocked, made):
    async def busy(request):
        await trio.sleep(1)
        return 502

    server = await server_of(network, 8090, busy, busy, stocked.exchange)
    assert await made(DD_ORG_UUID=ORGANISATION).key() == KEY
    assert len({request.header(b"authorization") for request in server.requests}) == 3


async def test_credentials_are_read_anew_each_time(autojump_clock, everything, stocked, made, environment):
    key = made(DD_API_KEY_SSM_ARN="/dd/key", DD_API_KEY_SECRET_RELOAD_INTERVAL="10")
    assert await key.key() == KEY
    stocked.credentials, stocked.parameters["/dd/key"] = {"ASIANEW": ("new", "token")}, OTHER
    environment |= {"AWS_ACCESS_KEY_ID": "ASIANEW", "AWS_SECRET_ACCESS_KEY": "new", "AWS_SESSION_TOKEN": "token"}
    await trio.sleep(11)
    assert await key.key() == KEY
    await trio.sleep(1)
    assert await key.key() == OTHER


async def test_a_rotated_key_is_found_when_an_intake_refuses_the_old_one(autojump_clock, everything, stocked, made):
    key = made(DD_API_KEY_SECRET_ARN=ARN)
    assert await key.key() == KEY
    stocked.secrets[ARN] = {"SecretString": OTHER}
    assert key.refused(KEY)
    assert await key.key() == OTHER


async def test_nothing_secret_is_said_whatever_goes_wrong(autojump_clock, network, server_of, aws, made, said, environment):
    leaking = Response(403, body=b'{"__type":"X","message":"first line\\nIQoJb3JpZ2luX2VjE %s"}' % KEY.encode())
    await server_of(network, 4566, leaking, Response(200, body=KEY.encode()), aws.service)
    await server_of(network, 8090, Response(403, body=KEY.encode()), Response(200, body=b'"%s"' % KEY.encode()))
    aws.ciphertexts["AQIC=="] = (f"{KEY}\x07", None)
    key = made(**EVERY | {"DD_API_KEY": f"{OTHER}\x07"})
    for _ in range(5):
        assert await key.key() is None
        await trio.sleep(100)
    assert lines(said)
    for secret in (KEY, OTHER, "IQoJb3JpZ2luX2VjE", "wJalrXUtnFEMI", "AQIC==", "Signature="):
        assert not any(secret in text for _, text in said)
