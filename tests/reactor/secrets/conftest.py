"""A tiny AWS, a container endpoint and Datadog's key exchange, made from the services' documentation and from none of our code.

Every signature is computed again from the request as it arrived; what AWS would refuse is refused in AWS's words.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protocols.http_server import Request, Response
from reactor.net.clock import SimulatedClock
from reactor.net.memory import MemoryNetwork

ACCESS, SECRET, TOKEN = "ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "IQoJb3JpZ2luX2VjE"
ORGANISATION = "11111111-2222-3333-4444-555555555555"
AWS_PORT, CONTAINER_PORT, DATADOG_PORT = 4566, 9001, 8090
SERVICES = {"secretsmanager.GetSecretValue": "secretsmanager", "AmazonSSM.GetParameter": "ssm", "TrentService.Decrypt": "kms"}


class Refusal(Exception):
    def __init__(self, kind: str, message: str = "", status: int = 400) -> None:
        super().__init__(kind)
        self.kind, self.message, self.status = kind, message, status


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class TinyAws:
    """What is in it is set by the test; `calls` are the targets asked for, `regions` those that requests were signed for."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.credentials = {ACCESS: (SECRET, TOKEN)}
        self.secrets: dict[str, dict[str, Any]] = {}
        self.parameters: dict[str, str] = {}
        self.ciphertexts: dict[str, tuple[str, dict[str, str] | None]] = {}  # to (plaintext, encryption context)
        self.organisations: dict[str, Any] = {}
        self.container_token = "container-token"
        self.container_answer: bytes = json.dumps({"AccessKeyId": ACCESS, "SecretAccessKey": SECRET, "Token": TOKEN}).encode()
        self.calls: list[str] = []
        self.regions: list[str] = []

    async def service(self, request: Request) -> Response:
        """The endpoint of all three services."""
        target = (request.header(b"x-amz-target") or b"").decode()
        self.calls.append(target)
        headers = [(name.decode(), value.decode()) for name, value in request.headers]
        try:
            self.verify(request.method, request.target, headers, request.body, SERVICES[target])
            answer = {"secretsmanager": self._secret, "ssm": self._parameter, "kms": self._decrypt}[SERVICES[target]](
                json.loads(request.body)
            )
        except Refusal as refusal:
            body = json.dumps({"__type": f"com.amazonaws#{refusal.kind}", "message": refusal.message}).encode()
            return Response(refusal.status, body=body)
        return Response(200, body=json.dumps(answer).encode())

    async def container(self, request: Request) -> Response:
        """Where a restored sandbox gets its credentials."""
        self.calls.append("container")
        assert (request.method, request.target) == ("GET", "/2021-04-23/credentials")
        is_allowed = request.header(b"authorization") == self.container_token.encode()
        return Response(200, body=self.container_answer) if is_allowed else Response(403, body=b"no")

    async def exchange(self, request: Request) -> Response:
        """Datadog's side of delegated authentication: makes the request that the proof holds, here by checking it."""
        self.calls.append("exchange")
        assert (request.method, request.target, request.body) == ("POST", "/api/v2/intake-key", b"")
        scheme, _, proof = (request.header(b"authorization") or b"").decode().partition(" ")
        assert scheme == "Delegated"
        body, lists, method, url = proof.split("|")
        headers = [(name, value) for name, [value] in json.loads(base64.b64decode(lists)).items()]
        try:
            self.verify(method, "/", headers, base64.b64decode(body), "sts")
        except Refusal:
            return Response(401, body=b"proof refused")
        assert base64.b64decode(url).decode() == f"https://{dict(headers)['Host']}"
        assert base64.b64decode(body) == b"Action=GetCallerIdentity&Version=2011-06-15"
        attributes = {"api_key": self.organisations.get(dict(headers)["X-Ddog-Org-Id"], "")}
        return Response(200, body=json.dumps({"data": {"id": "1", "type": "intake_key", "attributes": attributes}}).encode())

    def verify(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes, service: str) -> None:
        """Raises Refusal unless the signature is that of the request as it arrived."""
        given = {name.lower(): value for name, value in headers}
        assert len(given) == len(headers)
        algorithm, credential, names, signature = given.pop("authorization").replace(",", "").split(" ")
        access, date, region, signed_service, end = credential.removeprefix("Credential=").split("/")
        signed = names.removeprefix("SignedHeaders=").split(";")
        self.regions.append(region)
        assert (algorithm, signed_service, end) == ("AWS4-HMAC-SHA256", service, "aws4_request")
        assert signed == sorted(signed)
        assert {name for name in given if name == "host" or name.startswith(("x-amz-", "x-ddog-"))} <= set(signed)
        if access not in self.credentials:
            raise Refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
        secret, token = self.credentials[access]
        if given.get("x-amz-security-token", "") != token:
            raise Refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
        when = datetime.strptime(given["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(when - datetime.fromtimestamp(self.clock.now().epoch_ms / 1000, UTC)) > timedelta(minutes=15):
            raise Refusal("InvalidSignatureException", "Signature expired")
        lines = "".join(f"{name}:{given[name]}\n" for name in signed)
        canonical = f"{method}\n{path}\n\n{lines}\n{';'.join(signed)}\n{digest(body)}"
        text = f"AWS4-HMAC-SHA256\n{given['x-amz-date']}\n{date}/{region}/{service}/aws4_request\n{digest(canonical.encode())}"
        key = keyed(keyed(keyed(keyed(b"AWS4" + secret.encode(), date), region), service), "aws4_request")
        if f"Signature={keyed(key, text).hex()}" != signature:
            raise Refusal(
                "InvalidSignatureException", f"The signature does not match.\n\nThe Canonical String should have been\n'{canonical}'", 403
            )

    def _secret(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["SecretId"] not in self.secrets:
            raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return {"ARN": body["SecretId"], "Name": "dd-key", "VersionId": "1"} | self.secrets[body["SecretId"]]

    def _parameter(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["Name"] not in self.parameters:
            raise Refusal("ParameterNotFound")
        value = self.parameters[body["Name"]] if body.get("WithDecryption") else "AQICAH-encrypted"
        return {"Parameter": {"Name": body["Name"], "Type": "SecureString", "Value": value, "Version": 1}}

    def _decrypt(self, body: dict[str, Any]) -> dict[str, Any]:
        plaintext, context = self.ciphertexts.get(body["CiphertextBlob"], ("", {}))
        if not plaintext or body.get("EncryptionContext") != context:
            raise Refusal("InvalidCiphertextException")
        return {"KeyId": "arn:aws:kms:us-east-1:1:key/k", "Plaintext": base64.b64encode(plaintext.encode()).decode()}


@pytest.fixture
def network():
    return MemoryNetwork()


@pytest.fixture
async def clock():
    return SimulatedClock()


@pytest.fixture
async def aws(clock) -> TinyAws:
    return TinyAws(clock)


@pytest.fixture
def environment() -> dict[str, str]:
    """Of a sandbox whose AWS is the one above."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_ENDPOINT_URL_KMS": f"http://kms.example:{AWS_PORT}",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://secretsmanager.example:{AWS_PORT}/",
        "AWS_ENDPOINT_URL_SSM": f"http://ssm.example:{AWS_PORT}",
    }


@pytest.fixture
def restored_environment(environment) -> dict[str, str]:
    """Of a sandbox made from a snapshot: credentials from the container endpoint alone."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        del environment[name]
    return environment | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{CONTAINER_PORT}/2021-04-23/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token",
    }


@pytest.fixture
def key_settings(settings_of) -> Callable[..., Any]:
    """Settings without a key of their own, whose key exchange is the one above; changes as keywords."""

    def key_settings(**changes: str | None) -> Any:
        settings = settings_of(**({"DD_API_KEY": None} | changes))
        urls = {**settings.intake_urls, "delegated_key": f"http://datadog.example:{DATADOG_PORT}/api/v2/intake-key"}
        return settings.evolve(intake_urls=urls)

    return key_settings


@pytest.fixture
async def everything(network, aws, server_of):
    """The three servers, up."""
    servers = {}
    for name, port in (("service", AWS_PORT), ("container", CONTAINER_PORT), ("exchange", DATADOG_PORT)):
        servers[name] = await server_of(network, port, getattr(aws, name))
    return servers
