"""One try of each source, against a tiny AWS that checks every signature; and each way in which it can go wrong."""

import json

import pytest

from protocols.api_key import Failure
from protocols.http_server import Response
from reactor.config.aws import read_sandbox
from reactor.net.clock import SimulatedClock
from reactor.net.memory import MemoryNetwork
from reactor.net.pool import Pool
from reactor.secret_sources import Sources

KEY = "0123456789abcdef" * 2
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:dd-key-AbCdEf"
ORGANISATION = "11111111-2222-3333-4444-555555555555"
SECRETS = ("wJalrXUtnFEMI", "IQoJb3JpZ2luX2VjE", "container-token", KEY)
CONFIGURED = {
    "secrets_manager": {"DD_API_KEY_SECRET_ARN": ARN},
    "ssm": {"DD_API_KEY_SSM_ARN": "/dd/key"},
    "kms": {"DD_KMS_API_KEY": "AQIC=="},
    "delegated": {"DD_ORG_UUID": ORGANISATION},
}
AWS_SOURCES = ["secrets_manager", "ssm", "kms"]


@pytest.fixture
def stocked(aws):
    """An AWS that has the key in every place."""
    aws.secrets[ARN] = {"SecretString": json.dumps({"dd_api_key": KEY})}
    aws.parameters["/dd/key"] = f"{KEY}\n"
    aws.ciphertexts["AQIC=="] = (KEY, None)
    aws.organisations[ORGANISATION] = KEY
    return aws


@pytest.fixture
def sources_of(network, environment, key_settings, sandbox, clock):
    def sources_of(source="secrets_manager", environment=environment, network=network, sandbox=sandbox, **changes):
        settings = key_settings(**CONFIGURED[source] | changes)
        return Sources(settings, sandbox, environment, Pool(network), Pool(network), clock)

    return sources_of


@pytest.mark.parametrize("source", CONFIGURED)
async def test_every_source_gives_its_key(autojump_clock, everything, stocked, sources_of, source):
    assert await sources_of(source).load(source) == KEY


@pytest.mark.parametrize("source", CONFIGURED)
async def test_a_restored_sandbox_asks_the_container_for_credentials_each_time(
    autojump_clock, everything, stocked, sources_of, restored_environment, source
):
    sources = sources_of(source, environment=restored_environment)
    assert await sources.load(source) == KEY
    assert await sources.load(source) == KEY
    assert stocked.calls.count("container") == 2


async def test_the_settings_own_key_is_a_source_too(sources_of):
    assert await sources_of(DD_API_KEY=f" '{KEY}'\n").load("plain") == KEY


async def test_a_secret_in_another_region_is_asked_for_there(autojump_clock, everything, stocked, sources_of):
    await sources_of("secrets_manager").load("secrets_manager")
    await sources_of("ssm").load("ssm")
    await sources_of("kms").load("kms")
    await sources_of("delegated").load("delegated")
    assert stocked.regions == ["us-west-2", "us-east-1", "us-east-1", "us-east-1"]


class Watched(MemoryNetwork):
    """Remembers who was to be connected to."""

    def __init__(self):
        super().__init__()
        self.wanted = []

    async def connect(self, host, port):
        self.wanted.append((host, port))
        return await super().connect(host, port)


@pytest.mark.parametrize(
    ("source", "region", "fips", "host"),
    [
        ("secrets_manager", "eu-west-1", "", "secretsmanager.us-west-2.amazonaws.com"),
        ("secrets_manager", "eu-west-1", " True", "secretsmanager-fips.us-west-2.amazonaws.com"),
        ("ssm", "cn-north-1", "no", "ssm.cn-north-1.amazonaws.com.cn"),
        ("kms", "us-gov-west-1", "true", "kms-fips.us-gov-west-1.amazonaws.com"),
    ],
)
async def test_without_endpoints_of_ones_own_it_is_awss_by_https(autojump_clock, environment, sources_of, source, region, fips, host):
    network, plain = Watched(), {name: value for name, value in environment.items() if "ENDPOINT" not in name}
    plain["AWS_USE_FIPS_ENDPOINT"] = fips
    sandbox = read_sandbox({"AWS_REGION": region, "AWS_LAMBDA_FUNCTION_NAME": "f"})
    answer = await sources_of(source, environment=plain, network=network, sandbox=sandbox).load(source)
    assert network.wanted == [(host, 443)]
    assert isinstance(answer, Failure)
    assert answer.transient
    assert answer.reason.startswith(f"https://{host}: ")


# --- KMS ----------------------------------------------------------------------------------------------------------------------


async def test_a_ciphertext_made_by_the_console_needs_the_functions_name(autojump_clock, everything, aws, sources_of):
    aws.ciphertexts["AQIC=="] = (KEY, {"LambdaFunctionName": "my-function"})
    assert await sources_of("kms").load("kms") == KEY
    assert aws.calls == ["TrentService.Decrypt"] * 2
    assert everything["service"].connections == 1


async def test_a_ciphertext_of_another_function_is_refused_twice_and_told_once(autojump_clock, everything, aws, sources_of):
    aws.ciphertexts["AQIC=="] = (KEY, {"LambdaFunctionName": "another"})
    assert await sources_of("kms").load("kms") == Failure("status 400, InvalidCiphertextException")


async def test_what_may_pass_is_no_reason_to_try_the_other_context(autojump_clock, network, server_of, sources_of):
    server = await server_of(network, 4566, 503)
    answer = await sources_of("kms").load("kms")
    assert (answer, len(server.requests)) == (Failure("status 503, no reason given", transient=True), 1)


# --- what goes wrong ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("secrets_manager", "status 400, ResourceNotFoundException: Secrets Manager can't find the specified secret."),
        ("ssm", "status 400, ParameterNotFound"),
        ("kms", "status 400, InvalidCiphertextException"),
        ("delegated", "received empty API key from delegated auth"),
    ],
)
async def test_a_secret_that_is_not_there(autojump_clock, everything, sources_of, source, reason):
    assert await sources_of(source).load(source) == Failure(reason)


@pytest.mark.parametrize("source", CONFIGURED)
@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
async def test_wrong_credentials_are_refused_and_nothing_of_them_is_told(
    autojump_clock, everything, stocked, environment, sources_of, source, wrong
):
    answer = await sources_of(source, environment=environment | {wrong: "wrong"}).load(source)
    assert isinstance(answer, Failure)
    assert not answer.transient
    assert "status 40" in answer.reason
    assert not any(secret in answer.reason for secret in (*SECRETS, "x-amz"))


@pytest.mark.parametrize("source", CONFIGURED)
async def test_a_clock_that_is_wrong_by_hours_is_refused(
    autojump_clock, everything, stocked, environment, key_settings, sandbox, network, source
):
    late = SimulatedClock(epoch_ms=1_700_010_000_000)
    sources = Sources(key_settings(**CONFIGURED[source]), sandbox, environment, Pool(network), Pool(network), late)
    answer = await sources.load(source)
    assert isinstance(answer, Failure)


@pytest.mark.parametrize("source", CONFIGURED)
async def test_a_service_that_is_not_there(autojump_clock, sources_of, source):
    answer = await sources_of(source).load(source)
    assert isinstance(answer, Failure)
    assert answer.transient
    assert "refused" in answer.reason


@pytest.mark.parametrize("source", CONFIGURED)
@pytest.mark.parametrize(
    ("word", "transient"),
    [
        ("close", True),
        ("half", True),
        (500, True),
        (429, True),
        (403, False),
        (Response(200, body=KEY.encode()), False),
        (Response(200, body=b'{"something":"%s"}' % KEY.encode()), False),
        (Response(200, body=b'{"SecretString":"%s"}' % (b"x" * 600_000)), True),
    ],
    ids=str,
)
async def test_answers_that_are_of_no_use(autojump_clock, network, server_of, sources_of, source, word, transient):
    await server_of(network, 4566, word)
    await server_of(network, 8090, word)
    answer = await sources_of(source).load(source)
    assert isinstance(answer, Failure)
    assert answer.transient == transient
    assert KEY not in answer.reason


async def test_bytes_that_are_no_http_are_not_quoted(autojump_clock, network, nursery, sources_of):
    listener = await network.listen("", 4566)

    async def talk():
        stream = await listener.accept()
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n" % KEY.encode())

    nursery.start_soon(talk)
    answer = await sources_of().load("secrets_manager")
    assert answer == Failure("http://secretsmanager.example:4566: what came back is no HTTP answer, or too large", transient=True)


@pytest.mark.parametrize("value", ["secret\nkey", "secrét", "   ", ""])
async def test_a_key_that_cannot_be_sent_is_no_key(autojump_clock, everything, aws, sources_of, value):
    aws.parameters["/dd/key"] = value
    answer = await sources_of("ssm").load("ssm")
    assert isinstance(answer, Failure)
    assert "secr" not in answer.reason


# --- credentials --------------------------------------------------------------------------------------------------------------

CONTAINER = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


@pytest.mark.parametrize("source", CONFIGURED)
@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
async def test_without_credentials_nobody_is_asked(autojump_clock, everything, aws, environment, sources_of, source, missing):
    answer = await sources_of(source, environment=environment | {missing: ""}).load(source)
    assert answer == Failure("no AWS credentials: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is empty")
    assert aws.calls == []


async def test_credentials_without_a_session_token_are_good_too(autojump_clock, everything, stocked, environment, sources_of):
    stocked.credentials["AKIA"] = ("long-lived", "")
    changed = environment | {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "long-lived", "AWS_SESSION_TOKEN": ""}
    assert await sources_of(environment=changed).load("secrets_manager") == KEY


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
async def test_credentials_that_no_header_may_hold(autojump_clock, everything, aws, environment, sources_of, name):
    answer = await sources_of(environment=environment | {name: "a\r\nX-Evil: b"}).load("secrets_manager")
    assert answer == Failure("the AWS credentials hold characters that no HTTP header may hold")
    assert aws.calls == []


async def test_the_containers_token_may_be_in_a_file(autojump_clock, everything, stocked, restored_environment, sources_of, tmp_path):
    file = tmp_path / "token"
    file.write_text("container-token\n")
    changed = restored_environment | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "old", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)}
    assert await sources_of(environment=changed).load("secrets_manager") == KEY


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"}, "the container endpoint answered 403"),
        ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\nb"}, "the container's token is empty, or no header's value"),
        ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": " "}, "the container's token is empty, or no header's value"),
        (
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere"},
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: FileNotFoundError",
        ),
        ({"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "a\0b"}, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: ValueError"),
        ({CONTAINER: "ftp://127.0.0.1/"}, f"{CONTAINER} is not a URL that can be asked"),
        ({CONTAINER: "http://127.0.0.1:9002/"}, "http://127.0.0.1:9002: [Errno 111] connection refused"),
    ],
)
async def test_a_container_endpoint_that_gives_nothing(autojump_clock, everything, restored_environment, sources_of, changes, reason):
    answer = await sources_of(environment=restored_environment | changes).load("secrets_manager")
    assert isinstance(answer, Failure)
    assert answer.reason == reason


async def test_a_container_answer_without_credentials_is_not_quoted(autojump_clock, everything, aws, restored_environment, sources_of):
    aws.container_answer = b'{"AccessKeyId":"","SecretAccessKey":"wJalrXUtnFEMI"}'
    answer = await sources_of(environment=restored_environment).load("secrets_manager")
    assert answer == Failure("the container endpoint's answer holds no credentials")


# --- addresses ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["evil.example", "us-east-1/", "a b", "x" * 60])
async def test_a_region_that_would_lead_elsewhere_gets_no_request(autojump_clock, everything, aws, sources_of, region):
    sources = sources_of("secrets_manager", DD_API_KEY_SECRET_ARN=f"arn:aws:secretsmanager:{region}:1:secret:a")
    assert await sources.load("secrets_manager") == Failure("the region is not one that can be part of a host's name")
    elsewhere = sources_of("delegated", sandbox=read_sandbox({"AWS_REGION": region}))
    assert await elsewhere.load("delegated") == Failure("the region is not one that can be part of a host's name")
    assert aws.calls == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://a", "AWS_ENDPOINT_URL_SECRETS_MANAGER is not an http or https URL"),
        ("not a url", "AWS_ENDPOINT_URL_SECRETS_MANAGER is not an http or https URL"),
        ("http://a/b", "AWS_ENDPOINT_URL_SECRETS_MANAGER may not have a path"),
    ],
)
async def test_an_endpoint_that_is_none(environment, sources_of, url, reason):
    answer = await sources_of(environment=environment | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": url}).load("secrets_manager")
    assert answer == Failure(reason)


async def test_an_organisation_that_no_header_may_hold(sources_of):
    answer = await sources_of("delegated", DD_ORG_UUID="a\nb").load("delegated")
    assert answer == Failure("DD_ORG_UUID holds characters that no HTTP header may hold")


async def test_no_connection_to_aws_is_kept(autojump_clock, everything, stocked, network, environment, key_settings, sandbox, clock):
    pool = Pool(network)
    sources = Sources(key_settings(**CONFIGURED["ssm"]), sandbox, environment, pool, Pool(network), clock)
    await sources.load("ssm")
    assert pool.statistics().idle == 0
