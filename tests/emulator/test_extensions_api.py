"""The Extensions API's answers, row by row, against a stub of the sandbox."""

import json
import uuid
from pathlib import Path

import pytest
import trio
import trio.testing

from emulator.extension_states import ExtensionState, ExtensionStep
from emulator.extensions_api import ExtensionsApi
from emulator.faults import FaultBook, parse_fault
from emulator.life import Agent, Life
from emulator.telemetry import Telemetry
from emulator.values import FunctionConfig
from emulator.wire import Arrival, Broken
from protocols.http_server import Request

REGISTER = ("POST", "/2020-01-01/extension/register")
NEXT = ("GET", "/2020-01-01/extension/event/next")
INIT_ERROR = ("POST", "/2020-01-01/extension/init/error")
EXIT_ERROR = ("POST", "/2020-01-01/extension/exit/error")
TELEMETRY = ("PUT", "/2022-07-01/telemetry")
SUBSCRIPTION = {
    "schemaVersion": "2022-12-13",
    "types": ["platform"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox:8999/"},
}


class Platform:
    """A sandbox that only remembers."""

    def __init__(self, *, managed=False, faults=()):
        init_type = "lambda-managed-instances" if managed else "on-demand"
        self.config = FunctionConfig(handler="a.b", task_root=Path("/"), init_type=init_type)
        self.faults = FaultBook(tuple(parse_fault(text) for text in faults))
        self.telemetry = Telemetry(self.refuse, lambda: 0.0)
        self.life = Life(0, 0.0)
        self.life.agents["datadog-agent"] = Agent("datadog-agent", True, str(uuid.uuid4()))
        self.failed, self.subscribers, self.checks = [], [], 0
        self.api = ExtensionsApi(self)

    async def refuse(self, port):
        raise ConnectionRefusedError

    def new_id(self):
        return str(uuid.uuid4())

    def epoch_ms(self):
        return 0.0

    def fail(self, error_type):
        self.failed.append(error_type)

    def check(self):
        self.checks += 1

    def start_subscriber(self, subscriber):
        self.subscribers.append(subscriber)

    @property
    def agent(self):
        return self.life.agents["datadog-agent"]

    @property
    def me(self):
        return ((b"lambda-extension-identifier", self.agent.identifier.encode()),)

    async def call(self, route, headers=(), body=b"{}"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.api.answer(Request(*route, tuple(headers), body), Arrival(0.0, 0.0))

    async def register(self, name="datadog-agent", events=("INVOKE", "SHUTDOWN"), **more):
        return await self.call(REGISTER, ((b"lambda-extension-name", name.encode()),), {"events": list(events), **more})


def error_of(answer):
    document = json.loads(answer.body)
    assert dict(answer.headers)[b"Content-Type"] == b"application/json"
    assert answer.body.endswith(b"\n")
    return answer.status, document["errorType"], document["errorMessage"]


@pytest.fixture
async def platform():
    return Platform()


async def test_registration_answers_the_function_and_an_identifier(platform):
    headers = ((b"lambda-extension-name", b"datadog-agent"), (b"lambda-extension-accept-feature", b"accountId"))
    answer = await platform.call(REGISTER, headers, {"events": ["INVOKE", "SHUTDOWN"]})
    assert (answer.status, dict(answer.headers)[b"Lambda-Extension-Identifier"].decode()) == (200, platform.agent.identifier)
    assert json.loads(answer.body) == {
        "functionName": "my-function",
        "functionVersion": "$LATEST",
        "handler": "a.b",
        "accountId": "123456789012",
    }
    assert (platform.agent.state, platform.agent.events, platform.checks) == (ExtensionState.REGISTERED, ("INVOKE", "SHUTDOWN"), 1)


async def test_the_account_is_told_only_to_who_asks(platform):
    assert b"accountId" not in (await platform.register()).body


@pytest.mark.parametrize(
    ("managed", "name", "events", "more", "error_type"),
    [
        (False, "", ["INVOKE"], {}, "Extension.InvalidExtensionName"),
        (False, "datadog-agent", ["START"], {}, "Extension.InvalidEventType"),
        (True, "datadog-agent", ["INVOKE"], {}, "Extension.InvalidEventType"),
        (False, "inner", ["SHUTDOWN"], {}, "Extension.InvalidEventType"),
        (True, "inner", ["SHUTDOWN"], {}, "Extension.InvalidEventType"),
        (False, "datadog-agent", ["INVOKE"], {"configurationKeys": ["a"]}, "InvalidRequestFormat"),
        (False, "datadog-agent", [7], {}, "InvalidRequestFormat"),
    ],
)
async def test_a_wrong_registration_is_refused(managed, name, events, more, error_type):
    platform = Platform(managed=managed)
    status, found, _ = error_of(await platform.register(name, events, **more))
    assert (status, found) == (403, error_type)


async def test_a_body_that_is_not_json_is_refused(platform):
    answer = await platform.call(REGISTER, ((b"lambda-extension-name", b"datadog-agent"),), b"{")
    assert error_of(answer)[:2] == (403, "InvalidRequestFormat")


async def test_a_second_registration_is_a_wrong_transition(platform):
    await platform.register()
    assert error_of(await platform.register()) == (
        403,
        "Extension.InvalidExtensionState",
        "State transition from Registered to Registered failed for extension datadog-agent. Error: State transition is not allowed",
    )


async def test_an_unknown_name_is_an_internal_extension_whose_name_is_taken_then(platform):
    assert (await platform.register("inner", ["INVOKE"])).status == 200
    assert not platform.life.agents["inner"].external
    assert error_of(await platform.register("inner", ["INVOKE"]))[2] == "Extension with this name already registered"


async def test_registration_closes_with_init(platform):
    platform.life.open = False
    assert error_of(await platform.register())[:2] == (403, "Extension.RegistrationClosed")


async def test_the_eleventh_extension_is_one_too_many(platform):
    for number in range(9):
        assert (await platform.register(f"inner{number}", [])).status == 200
    assert error_of(await platform.register("inner9", [])) == (403, "Extension.TooManyExtensions", "Extension limit (10) reached")


@pytest.mark.parametrize("route", [NEXT, INIT_ERROR, EXIT_ERROR, TELEMETRY])
@pytest.mark.parametrize(
    ("identifier", "error_type"),
    [
        (None, "Extension.MissingExtensionIdentifier"),
        (b"nonsense", "Extension.InvalidExtensionIdentifier"),
        (b"7f4b1c66-94a1-4f1d-9f0e-3f5c0f2f8a11", "Extension.UnknownExtensionIdentifier"),
    ],
)
async def test_a_caller_must_say_who_it_is(platform, route, identifier, error_type):
    headers = () if identifier is None else ((b"lambda-extension-identifier", identifier),)
    status, found, message = error_of(await platform.call(route, headers))
    assert (status, found) == (403, error_type)
    if identifier is None:
        assert message == "Missing Lambda-Extension-Identifier header"


async def test_next_waits_for_an_event_and_gives_it_an_identifier(platform, nursery):
    await platform.register()
    answers = []

    async def call():
        answers.append(await platform.call(NEXT, platform.me))

    nursery.start_soon(call)
    await trio.testing.wait_all_tasks_blocked()
    assert (answers, platform.agent.state, platform.agent.idle) == ([], ExtensionState.READY, True)
    platform.agent.post({"eventType": "INVOKE", "requestId": "r"})
    assert not platform.agent.idle
    await trio.testing.wait_all_tasks_blocked()
    assert json.loads(answers[0].body)["requestId"] == "r"
    assert b"Lambda-Extension-Event-Identifier" in dict(answers[0].headers)
    assert platform.agent.state is ExtensionState.RUNNING


async def test_shutdown_has_no_event_identifier(platform):
    await platform.register()
    platform.agent.post({"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": 1})
    assert b"Lambda-Extension-Event-Identifier" not in dict((await platform.call(NEXT, platform.me)).headers)


async def test_a_second_parallel_next_is_refused_but_a_repeated_one_is_not(platform, nursery):
    await platform.register()
    with trio.CancelScope() as scope:
        nursery.start_soon(platform.call, NEXT, platform.me)
        await trio.testing.wait_all_tasks_blocked()
        assert error_of(await platform.call(NEXT, platform.me))[:2] == (403, "Extension.InvalidExtensionState")
        scope.cancel()
    platform.agent.waiting = False  # as when the caller has left
    platform.agent.post({"eventType": "INVOKE"})
    assert (await platform.call(NEXT, platform.me)).status == 200


async def test_a_pending_next_ends_with_its_process(platform, nursery):
    await platform.register()
    answers = []

    async def call():
        answers.append(await platform.call(NEXT, platform.me))

    nursery.start_soon(call)
    await trio.testing.wait_all_tasks_blocked()
    platform.agent.end()
    await trio.testing.wait_all_tasks_blocked()
    assert answers == [Broken("close")]


ERROR = ((b"lambda-extension-function-error-type", b"Extension.ConfigInvalid"),)


async def test_an_init_error_is_accepted_twice_and_fails_init_once(platform):
    await platform.register()
    for _ in range(2):
        answer = await platform.call(INIT_ERROR, platform.me + ERROR)
        assert (answer.status, json.loads(answer.body)) == (202, {"status": "OK"})
    assert (platform.failed, platform.agent.error_type) == (["Extension.InitError"], "Extension.ConfigInvalid")
    assert error_of(await platform.call(NEXT, platform.me))[:2] == (403, "Extension.InvalidExtensionState")


@pytest.mark.parametrize("steps", [[], [ExtensionStep.NEXT], [ExtensionStep.NEXT, ExtensionStep.EVENT]])
async def test_an_exit_error_is_accepted_at_any_time_after_registration(platform, steps):
    await platform.register()
    for step in steps:
        platform.agent.step(step)
    assert (await platform.call(EXIT_ERROR, platform.me + ERROR)).status == 202
    assert platform.failed == ["Extension.ExitError"]


async def test_an_init_error_after_next_is_refused(platform):
    await platform.register()
    platform.agent.step(ExtensionStep.NEXT)
    assert error_of(await platform.call(INIT_ERROR, platform.me + ERROR))[:2] == (403, "Extension.InvalidExtensionState")


async def test_an_error_without_its_type_is_refused(platform):
    await platform.register()
    expected = (403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
    assert error_of(await platform.call(EXIT_ERROR, platform.me)) == expected


async def test_a_subscription_is_answered_ok_and_recorded(platform):
    await platform.register()
    answer = await platform.call(TELEMETRY, platform.me, SUBSCRIPTION)
    assert (answer.status, answer.body) == (200, b'"OK"\n')
    assert platform.subscribers[0].subscription.name == "datadog-agent"
    assert list(platform.telemetry.records)[-1]["record"] == {"name": "datadog-agent", "state": "Subscribed", "types": ["platform"]}


async def test_a_wrong_subscription_is_a_validation_error(platform):
    await platform.register()
    status, error_type, message = error_of(await platform.call(TELEMETRY, platform.me, {**SUBSCRIPTION, "types": []}))
    assert (status, error_type, message.startswith("schema validation error: ")) == (400, "ValidationError", True)


async def test_a_tcp_subscriber_must_listen_already(platform):
    await platform.register()
    answer = await platform.call(TELEMETRY, platform.me, {**SUBSCRIPTION, "destination": {"protocol": "TCP", "port": 4000}})
    assert error_of(answer)[:2] == (400, "ValidationError")


@pytest.mark.parametrize(("managed", "ending"), [(False, "is closed already"), (True, "is closed")])
async def test_subscription_closes_with_init(managed, ending):
    platform = Platform(managed=managed)
    await platform.register(events=["SHUTDOWN"])
    platform.life.open = False
    expected = (403, "Telemetry.SubscriptionClosed", f"Telemetry API subscription {ending}")
    assert error_of(await platform.call(TELEMETRY, platform.me, SUBSCRIPTION)) == expected


@pytest.mark.parametrize(
    ("fault", "route", "status", "error_type"),
    [
        ("register:500", REGISTER, 500, "InternalServerError"),
        ("subscribe:202", TELEMETRY, 202, "Telemetry.NotSupported"),
        ("next:503", NEXT, 503, "InternalServerError"),
    ],
)
async def test_a_fault_answers_in_place_of_the_platform(fault, route, status, error_type):
    platform = Platform(faults=[fault])
    if route is REGISTER:
        answer = await platform.register()
    else:
        await platform.register()
        answer = await platform.call(route, platform.me, SUBSCRIPTION)
    assert error_of(answer)[:2] == (status, error_type)
    assert platform.subscribers == []


async def test_a_delayed_registration_comes_late(autojump_clock):
    platform = Platform(faults=["register:delay=3000"])
    assert (await platform.register()).status == 200
    assert trio.current_time() == pytest.approx(3.0)


async def test_a_half_written_event_is_consumed(platform):
    platform = Platform(faults=["next:half@1"])
    await platform.register()
    platform.agent.post({"eventType": "INVOKE"})
    answer = await platform.call(NEXT, platform.me)
    assert (answer.kind, platform.agent.state) == ("half", ExtensionState.RUNNING)


async def test_an_unknown_route_is_not_found(platform):
    assert error_of(await platform.call(("GET", "/2020-01-01/extension/other")))[0] == 404
