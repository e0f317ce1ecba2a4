"""Why a request got no answer. Each says whether the peer may have acted on it all the same."""


class PeerUnavailable(Exception):
    """No answer. `answer_unknown`: some of the request had been sent, so the peer may have taken it; sending it again may double it."""

    def __init__(self, origin: str, reason: str, *, answer_unknown: bool) -> None:
        super().__init__(f"{origin}: {reason}")
        self.origin = origin
        self.reason = reason
        self.answer_unknown = answer_unknown


class ConnectFailed(PeerUnavailable):
    """No connection: name unknown, refused, unreachable, TLS or the proxy refused. Nothing of the request was sent."""

    def __init__(self, origin: str, reason: str) -> None:
        super().__init__(origin, reason, answer_unknown=False)


class AnswerLost(PeerUnavailable):
    """The connection broke, or was closed, before the answer was whole."""


class AnswerInvalid(PeerUnavailable):
    """What came is no HTTP answer that we take (garbage, over a limit)."""
