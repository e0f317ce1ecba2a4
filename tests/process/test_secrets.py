"""The key from AWS, fetched by the real process: services that answer, that refuse, that are slow, and that are not there.

The services are local; their protocols are checked against a real server and botocore in tests/peers and tests/protocols.
"""

import json
from base64 import b64encode
from functools import partial
from typing import Any

import pytest
import trio

from emulator.fake_runtime import Step
from emulator.wire import Arrival, serve_stream
from protocols.http_server import Request, Response

pytestmark = pytest.mark.peers

KEY = "0123456789abcdef" * 2
AWS_PORT, NOBODY = 9090, 9091
BUDGET_MS, SLACK_MS = 1_000.0, 400.0
LENGTH_MS, LATE_S = 300.0, 1.5
IDENTIFIERS = {"DD_API_KEY_SECRET_ARN": "dd-key", "DD_API_KEY_SSM_ARN": "/dd/key", "DD_KMS_API_KEY": b64encode(b"sealed").decode()}
SOURCES = tuple(IDENTIFIERS)
TARGETS = {
    "secretsmanager.GetSecretValue": {"SecretString": json.dumps({"dd_api_key": KEY})},
    "AmazonSSM.GetParameter": {"Parameter": {"Value": KEY}},
    "TrentService.Decrypt": {"Plaintext": b64encode(KEY.encode()).decode()},
}


class Aws:
    """The three services on one port. `way`: ok, refuse, hang, or `late`, which is longer than a flush may take."""

    def __init__(self, way: str) -> None:
        self.way, self.asked = way, list[str]()

    async def serve(self, stream: trio.SocketStream) -> None:
        await serve_stream(stream, self._answer)

    async def _answer(self, request: Request, arrival: Arrival) -> Response:
        target = (request.header(b"x-amz-target") or b"").decode()
        self.asked.append(target)
        assert b"Credential=ASIAEMULATEDEMULATED/" in (request.header(b"authorization") or b"")
        assert request.header(b"x-amz-security-token")
        if self.way in ("hang", "late"):
            await trio.sleep(LATE_S if self.way == "late" else float("inf"))
        if self.way == "refuse" or (target.startswith("Trent") and b"EncryptionContext" not in request.body):
            return Response(400, body=b'{"__type": "InvalidCiphertextException", "message": "no"}')
        return Response(200, body=json.dumps(TARGETS[target]).encode())


def environment(source: str, port: int) -> dict[str, str]:
    endpoints = {f"AWS_ENDPOINT_URL_{service}": f"http://127.0.0.1:{port}" for service in ("KMS", "SECRETS_MANAGER", "SSM")}
    return {"DD_API_KEY": "", "DD_SERVERLESS_FLUSH_STRATEGY": "end", source: IDENTIFIERS[source], **endpoints}


async def play(scene_of: Any, source: str, way: str, lengths_ms: tuple[float, ...] = (LENGTH_MS,) * 2, **config: Any) -> tuple[Any, Aws]:
    aws = Aws(way)
    scene = scene_of(environment(source, NOBODY if way == "absent" else AWS_PORT), timeout_ms=4_000, **config)
    steps = [Step(lines=[f"said {number}"], during=scene.count, duration_ms=length) for number, length in enumerate(lengths_ms)]
    found = await scene.play(steps, inside={AWS_PORT: aws.serve})
    assert set(found.statuses) == {"success"}
    assert max(found.waits_ms) < BUDGET_MS + SLACK_MS
    assert not any(KEY in line for line in found.run.extension_output)
    return found, aws


async def key_is_fetched(scene_of: Any, source: str, **config: Any) -> None:
    found, aws = await play(scene_of, source, "ok", **config)
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: [f"said {number}"] for number, key in enumerate(ids)}, dict.fromkeys(ids, 1.0))
    found.check_orderly()
    assert {arrival.headers["dd-api-key"] for arrival in found.intake.arrivals()} == {KEY}
    assert len(aws.asked) == (2 if source == "DD_KMS_API_KEY" else 1)


async def test_everything_leaves_with_the_key_that_was_fetched_once(scene_of, at_once):
    await at_once(*(partial(key_is_fetched, scene_of, source) for source in SOURCES))


async def test_with_snap_start_the_credentials_come_from_the_platform(scene_of):
    await key_is_fetched(scene_of, "DD_API_KEY_SECRET_ARN", init_type="snap-start")


async def no_key(scene_of: Any, source: str, way: str) -> None:
    found, _ = await play(scene_of, source, way)
    assert found.intake.arrivals() == ()
    assert [life.exit_code for life in found.lives] == [0]
    assert source in " ".join([*found.own("ERROR"), *found.own("WARN")])
    assert "lost or refused" in " ".join(found.own("WARN"))


@pytest.mark.parametrize("way", ["refuse", "hang", "absent"])
async def test_a_key_that_cannot_be_had_costs_the_telemetry_and_no_invocation(scene_of, at_once, way):
    await at_once(*(partial(no_key, scene_of, source, way) for source in SOURCES))


async def test_a_service_that_is_slow_costs_some_time_and_nothing_is_lost(scene_of):
    found, aws = await play(scene_of, "DD_API_KEY_SECRET_ARN", "late", (LENGTH_MS, 1_000.0, LENGTH_MS))
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: [f"said {number}"] for number, key in enumerate(ids)}, dict.fromkeys(ids, 1.0))
    assert len(aws.asked) == 1
