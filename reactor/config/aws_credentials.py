"""The function's AWS credentials. Read at each use, because they change; never kept in `Settings` (specification, secrets 3)."""

from collections.abc import Mapping

import attrs


@attrs.frozen
class CredentialsEnvironment:
    """What the environment says about credentials; absent is empty. `repr` shows none of it."""

    access_key_id: str = attrs.field(repr=False)
    secret_access_key: str = attrs.field(repr=False)
    session_token: str = attrs.field(repr=False)
    container_credentials_full_uri: str
    container_authorization_token: str = attrs.field(repr=False)
    container_authorization_token_file: str

    @property
    def needs_container(self) -> bool:
        """SnapStart: both static parts are absent, and a container endpoint with some token is there to ask."""
        static = self.access_key_id or self.secret_access_key
        token = self.container_authorization_token or self.container_authorization_token_file
        return not static and bool(self.container_credentials_full_uri and token)


def read_credentials(env: Mapping[str, str]) -> CredentialsEnvironment:
    return CredentialsEnvironment(
        access_key_id=env.get("AWS_ACCESS_KEY_ID", ""),
        secret_access_key=env.get("AWS_SECRET_ACCESS_KEY", ""),
        session_token=env.get("AWS_SESSION_TOKEN", ""),
        container_credentials_full_uri=env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""),
        container_authorization_token=env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""),
        container_authorization_token_file=env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""),
    )
