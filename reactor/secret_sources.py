"""One try of one source of the key: who is asked, with which credentials, and what is made of the answer (specification, secrets 3-7).

It decides on no second try and sets no time limit. Every failure comes back in words that hold no secret.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from protocols import aws_container, aws_json, aws_kms, aws_secrets_manager, aws_ssm, aws_sts, intake_key
from protocols.api_key import Failure, clean_key, is_header_safe
from protocols.aws_endpoint import host_of, is_region, region_of
from protocols.aws_json import Call
from protocols.http_server import Response
from protocols.sigv4 import Credentials
from reactor.config.aws import SandboxEnvironment
from reactor.config.aws_credentials import CredentialsEnvironment, read_credentials
from reactor.config.values import Settings
from reactor.net.clock import Clock
from reactor.net.errors import AnswerInvalid, PeerUnavailable
from reactor.net.origin import Origin, parse_origin
from reactor.net.pool import Pool

TOKEN_BYTES_MAX = 16 * 1024
# AWS's own variables for an endpoint of one's own. The one for all services at once is not read: it is often meant for another.
ENDPOINT_VARIABLES = {
    "kms": "AWS_ENDPOINT_URL_KMS",
    "secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "ssm": "AWS_ENDPOINT_URL_SSM",
}
FIPS_VARIABLE = "AWS_USE_FIPS_ENDPOINT"  # AWS's own, too


class Sources:
    """All sources that the settings can name. `aws` reaches AWS without a proxy, `intakes` Datadog as the settings say."""

    def __init__(
        self,
        settings: Settings,
        sandbox: SandboxEnvironment,
        environment: Mapping[str, str],
        aws: Pool,
        intakes: Pool,
        clock: Clock,
    ) -> None:
        self._settings, self._sandbox, self._environment = settings, sandbox, environment
        self._aws, self._intakes, self._clock = aws, intakes, clock
        self._ways: dict[str, Callable[[], Awaitable[str | Failure]]] = {
            "delegated": self._delegated,
            "kms": self._kms,
            "secrets_manager": self._secrets_manager,
            "ssm": self._ssm,
            "plain": self._plain,
        }

    async def load(self, source: str) -> str | Failure:
        """The key, cleaned and fit for a header. No connection to AWS is kept: a freeze would leave it dead."""
        try:
            raw = await self._ways[source]()
        finally:
            await self._aws.drop_idle()
        return raw if isinstance(raw, Failure) else clean_key(raw)

    async def _plain(self) -> str | Failure:
        return self._settings.api_key

    async def _secrets_manager(self) -> str | Failure:
        identifier = self._settings.api_key_secret_arn.strip()
        call = aws_secrets_manager.call(identifier, region_of(identifier, self._sandbox.region))
        return await self._ask((call,), aws_secrets_manager.read_key)

    async def _ssm(self) -> str | Failure:
        identifier = self._settings.api_key_ssm_arn.strip()
        call = aws_ssm.call(identifier, region_of(identifier, self._sandbox.region))
        return await self._ask((call,), aws_ssm.read_key)

    async def _kms(self) -> str | Failure:
        calls = aws_kms.calls(self._settings.kms_api_key.strip(), self._sandbox.function_name)
        return await self._ask(calls, aws_kms.read_key)

    async def _ask(self, calls: tuple[Call, ...], read_key: Callable[[dict[str, Any]], str | Failure]) -> str | Failure:
        """The first of `calls` that gives a key. What may pass ends it at once: the whole source is tried again then."""
        credentials = await self._credentials()
        if isinstance(credentials, Failure):
            return credentials
        reasons: dict[str, None] = {}
        for call in calls:
            answer = await self._call(call, credentials)
            found = answer if isinstance(answer, Failure) else read_key(answer)
            if not isinstance(found, Failure) or found.transient:
                return found
            reasons[found.reason] = None
        return Failure("; ".join(reasons))

    async def _call(self, call: Call, credentials: Credentials) -> dict[str, Any] | Failure:
        region = call.region or self._sandbox.region
        if not is_region(region):
            return Failure("the region is not one that can be part of a host's name")
        origin = self._origin(call.service, region)
        if isinstance(origin, Failure):
            return origin
        headers = aws_json.headers_of(call, origin.authority, region, credentials, self._clock.now().epoch_ms)
        answer = await _request(self._aws, origin, "POST", "/", headers, call.body, aws_json.ANSWER_BYTES_MAX)
        return answer if isinstance(answer, Failure) else aws_json.read_answer(answer.status, answer.body)

    def _origin(self, service: str, region: str) -> Origin | Failure:
        variable = ENDPOINT_VARIABLES[service]
        if own := self._environment.get(variable, "").strip():
            return _origin_of(own, variable)
        is_fips = self._environment.get(FIPS_VARIABLE, "").strip().lower() == "true"
        return Origin("https", host_of(service, region, is_fips=is_fips), 443)

    # --- delegated authentication ---------------------------------------------------------------------------------------------

    async def _delegated(self) -> str | Failure:
        organisation = self._settings.org_uuid.strip()
        if not is_header_safe(organisation):
            return Failure("DD_ORG_UUID holds characters that no HTTP header may hold")
        if not is_region(self._sandbox.region):
            return Failure("the region is not one that can be part of a host's name")
        credentials = await self._credentials()
        if isinstance(credentials, Failure):
            return credentials
        proof = aws_sts.proof(organisation, self._sandbox.region, credentials, self._clock.now().epoch_ms)
        origin, path = parse_origin(self._settings.intake_urls["delegated_key"])
        answer = await _request(self._intakes, origin, "POST", path, intake_key.headers_of(proof), b"", intake_key.ANSWER_BYTES_MAX)
        return answer if isinstance(answer, Failure) else intake_key.read_answer(answer.status, answer.body)

    # --- credentials ----------------------------------------------------------------------------------------------------------

    async def _credentials(self) -> Credentials | Failure:
        """Those of the environment, or of the container endpoint that it names. Read at each use: they change."""
        given = read_credentials(self._environment)
        if given.needs_container:
            found = await self._container_credentials(given)
        else:
            found = Credentials(given.access_key_id, given.secret_access_key, given.session_token)
        if isinstance(found, Failure):
            return found
        if not (found.access_key_id and found.secret_access_key):
            return Failure("no AWS credentials: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is empty")
        if not (is_header_safe(found.access_key_id) and is_header_safe(found.session_token)):
            return Failure("the AWS credentials hold characters that no HTTP header may hold")
        return found

    async def _container_credentials(self, given: CredentialsEnvironment) -> Credentials | Failure:
        token = _token(given)
        if isinstance(token, Failure):
            return token
        try:
            origin, path = parse_origin(given.container_credentials_full_uri)
        except ValueError:
            return Failure("AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL that can be asked")
        headers = aws_container.headers_of(token)
        answer = await _request(self._aws, origin, "GET", path or "/", headers, b"", aws_container.ANSWER_BYTES_MAX)
        return answer if isinstance(answer, Failure) else aws_container.read_answer(answer.status, answer.body)


def _origin_of(url: str, variable: str) -> Origin | Failure:
    try:
        origin, path = parse_origin(url)
    except ValueError:
        return Failure(f"{variable} is not an http or https URL")
    return Failure(f"{variable} may not have a path") if path else origin


def _token(given: CredentialsEnvironment) -> str | Failure:
    """The container's token. The file comes first: where there is one, what it holds is renewed. It is local and small: no thread."""
    token = given.container_authorization_token
    if given.container_authorization_token_file:
        try:
            with open(given.container_authorization_token_file, "rb") as file:
                token = file.read(TOKEN_BYTES_MAX).decode("latin-1")
        except (OSError, ValueError) as error:
            return Failure(f"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: {type(error).__name__}")
    token = token.strip()
    return token if token and is_header_safe(token) else Failure("the container's token is empty, or no header's value")


async def _request(
    pool: Pool, origin: Origin, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, answer_bytes_max: int
) -> Response | Failure:
    encoded = tuple((name.encode(), value.encode()) for name, value in headers)
    try:
        return await pool.request(origin, method, target, encoded, body, answer_bytes_max=answer_bytes_max)
    except AnswerInvalid:  # its words may quote the answer
        return Failure(f"{origin}: what came back is no HTTP answer, or too large", transient=True)
    except PeerUnavailable as error:
        return Failure(str(error), transient=True)
