"""The conversation with the platform, without what stage 0 began (that is in tests/process/test_stage0.py)."""

import pytest
import trio

from protocols import extensions_api as api
from protocols.extensions_api import NextInvoke, Refusal, Registration
from protocols.http_server import Response
from reactor.net.memory import MemoryNetwork
from reactor.platform_api import REPORT_ERROR_S_MAX, PlatformApi

REGISTERED = Response(200, ((b"Lambda-Extension-Identifier", b"id-1"),), b'{"accountId":"123456789012"}')
INVOKE = Response(200, body=b'{"eventType":"INVOKE","requestId":"a","deadlineMs":1,"invokedFunctionArn":"arn"}')


@pytest.fixture
def network():
    return MemoryNetwork()


@pytest.fixture
def platform(network):
    return PlatformApi("127.0.0.1:9001", network, False)


async def test_the_identifier_of_the_registration_goes_with_every_later_call(autojump_clock, platform, server_of, network):
    server = await server_of(network, 9001, REGISTERED, 200, INVOKE)
    assert await platform.register() == Registration("id-1", "123456789012")
    assert await platform.subscribe(8999, logs=True) is None
    assert await platform.next() == NextInvoke("a", 1, "arn")
    await platform.report_error(api.EXIT_ERROR_PATH, "Extension.X", "why")
    assert [request.header(b"lambda-extension-identifier") for request in server.requests] == [None, b"id-1", b"id-1", b"id-1"]
    assert all(request.header(b"host") == b"127.0.0.1:9001" for request in server.requests)
    assert server.connections == 1


async def test_an_event_may_come_after_hours(autojump_clock, platform, server_of, network):
    async def at_last(request):
        await trio.sleep(10 * 3_600)
        return INVOKE

    await server_of(network, 9001, at_last)
    assert await platform.next() == NextInvoke("a", 1, "arn")


@pytest.mark.parametrize("word", [None, "close", "half"])
async def test_no_answer_is_a_refusal_that_may_pass(autojump_clock, platform, server_of, network, word):
    if word:
        await server_of(network, 9001, word)
    for call in (platform.register, platform.next, lambda: platform.subscribe(8999, logs=True)):
        answer = await call()
        assert isinstance(answer, Refusal)
        assert not answer.fatal
        assert answer.reason.startswith("http://127.0.0.1:9001: ")


async def test_a_platform_that_does_not_take_an_error_does_not_hold_the_end_up(autojump_clock, platform, server_of, network):
    await server_of(network, 9001, REGISTERED, "hang")
    await platform.register()
    began = trio.current_time()
    await platform.report_error(api.EXIT_ERROR_PATH, "Extension.X", "why")
    assert trio.current_time() - began == pytest.approx(REPORT_ERROR_S_MAX)


async def test_who_is_not_registered_reports_no_error(autojump_clock, platform, server_of, network):
    server = await server_of(network, 9001)
    await platform.report_error(api.INIT_ERROR_PATH, "Extension.X", "why")
    assert server.requests == []


@pytest.mark.parametrize("address", ["", ":80", "127.0.0.1:99999", "a b"])
def test_an_address_that_is_none_is_said_with_what_to_do(network, address):
    with pytest.raises(ValueError, match=r"AWS_LAMBDA_RUNTIME_API is no host:port .*`lambda-reactor emulate`"):
        PlatformApi(address, network, False)
