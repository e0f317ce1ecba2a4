"""Whose fault it was, as an exception: the peer's, or ours. Sans-I/O handlers raise these two and nothing else."""


class RemoteProtocolError(Exception):
    """The peer sent what its protocol does not allow. `status_hint` is the HTTP status that would tell it so."""

    def __init__(self, message: str, status_hint: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status_hint = status_hint


class LocalProtocolError(Exception):
    """We asked a connection for something its protocol does not allow: a bug of ours."""
