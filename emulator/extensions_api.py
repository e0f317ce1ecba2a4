"""The Extensions API and the telemetry subscription, with every error row (specification, lambda-platform 2 and 4.1)."""

import json
import uuid
from typing import Protocol

from emulator import records
from emulator.answers import accepted, as_json, misbehave, problem, text
from emulator.extension_states import ExtensionState, ExtensionStep
from emulator.faults import FaultBook
from emulator.life import EXTENSIONS_MAX, Agent, Life
from emulator.subscription import InvalidSubscription, Subscription, parse_subscription
from emulator.telemetry import Subscriber, Telemetry
from emulator.values import FunctionConfig
from emulator.wire import Arrival, Broken, now_ms
from protocols.http_server import Headers, Request, Response

PREFIX = "/2020-01-01/extension"
TELEMETRY_PATH = "/2022-07-01/telemetry"
IDENTIFIER = b"lambda-extension-identifier"
ERROR_TYPE = b"lambda-extension-function-error-type"


class Platform(Protocol):
    """What this API needs of the sandbox."""

    config: FunctionConfig
    telemetry: Telemetry
    faults: FaultBook
    life: Life

    def new_id(self) -> str: ...

    def epoch_ms(self) -> float: ...

    def fail(self, error_type: str) -> None: ...

    def check(self) -> None: ...

    def start_subscriber(self, subscriber: Subscriber) -> None: ...


class Refusal(Exception):
    """An error row, as an answer."""

    def __init__(self, error_type: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.response = problem(status, error_type, message)


class ExtensionsApi:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def answer(self, request: Request, arrival: Arrival) -> Response | Broken:
        route = (request.method, request.path)
        try:
            if route == ("POST", f"{PREFIX}/register"):
                return await self._register(request)
            if route == ("GET", f"{PREFIX}/event/next"):
                return await self._next(request)
            if route in (("POST", f"{PREFIX}/init/error"), ("POST", f"{PREFIX}/exit/error")):
                return self._error(request)
            if route == ("PUT", TELEMETRY_PATH):
                return await self._subscribe(request)
        except Refusal as refusal:
            return refusal.response
        return problem(404, "NotFound", f"no such route: {request.method} {request.path}")

    # Registration.

    async def _register(self, request: Request) -> Response | Broken:
        if (fault := await misbehave(self._platform.faults.strikes("register"))) is not None:
            return fault
        name = text(request.header(b"lambda-extension-name"))
        if not name:
            raise Refusal("Extension.InvalidExtensionName", "Empty extension name")
        events = _wanted_events(request.body)
        life = self._platform.life
        agent = life.agents.get(name)
        internal = agent is None or not agent.external
        self._check_events(events, internal)
        if not life.open:
            raise Refusal("Extension.RegistrationClosed", "Extension registration closed already")
        agent = self._new_internal(name) if agent is None else agent
        if not agent.step(ExtensionStep.REGISTER):
            raise Refusal("Extension.InvalidExtensionState", _registered_already(agent))
        agent.events, agent.registered_ms = events, now_ms()
        answer = as_json(200, self._function(request), ((b"Lambda-Extension-Identifier", agent.identifier.encode()),))
        self._platform.check()
        return answer

    def _new_internal(self, name: str) -> Agent:
        life = self._platform.life
        if len(life.agents) >= EXTENSIONS_MAX:
            raise Refusal("Extension.TooManyExtensions", f"Extension limit ({EXTENSIONS_MAX}) reached")
        agent = life.agents[name] = Agent(name, False, self._platform.new_id())
        return agent

    def _check_events(self, events: tuple[str, ...], internal: bool) -> None:
        managed = self._platform.config.managed
        if internal and managed and events:
            raise Refusal("Extension.InvalidEventType", "No events allowed for internal extensions")
        for event in events:
            if event not in (("SHUTDOWN",) if managed else ("INVOKE", "SHUTDOWN")):
                raise Refusal("Extension.InvalidEventType", f"{event}: ErrorInvalidEventType")
            if internal and event == "SHUTDOWN":
                raise Refusal("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")

    def _function(self, request: Request) -> dict[str, str]:
        config = self._platform.config
        document = {"functionName": config.name, "functionVersion": config.version, "handler": config.handler}
        features = text(request.header(b"lambda-extension-accept-feature")).split(",")
        if "accountId" in [feature.strip() for feature in features]:
            document["accountId"] = config.account_id
        return document

    # Who calls.

    def _caller(self, request: Request) -> Agent:
        identifier = text(request.header(IDENTIFIER))
        if not identifier:
            raise Refusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
        try:
            uuid.UUID(identifier)
        except ValueError as error:
            raise Refusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier") from error
        agent = self._platform.life.agent_of(identifier)
        if agent is None:
            raise Refusal("Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")
        return agent

    # Next.

    async def _next(self, request: Request) -> Response | Broken:
        agent = self._caller(request)
        faults = self._platform.faults.strikes("next")
        if (fault := await misbehave(faults)) is not None:
            return fault
        # A caller that left, and calls again, may: only two at once are wrong.
        again = agent.state is ExtensionState.READY and not agent.waiting
        if not again and not agent.step(ExtensionStep.NEXT):
            raise Refusal("Extension.InvalidExtensionState", _not_allowed(agent.state, "Ready", agent.identifier))
        if agent.first_next_ms is None:
            agent.first_next_ms = now_ms()
        agent.waiting = True
        try:
            self._platform.check()
            event = await agent.wait_event()
        finally:
            agent.waiting = False
        if event is None:
            return Broken("close")
        agent.step(ExtensionStep.EVENT)
        answer = as_json(200, event, self._event_headers(event))
        return Broken("half", answer) if any(fault.argument == "half" for fault in faults) else answer

    def _event_headers(self, event: dict[str, object]) -> Headers:
        if event["eventType"] != "INVOKE":
            return ()
        return ((b"Lambda-Extension-Event-Identifier", self._platform.new_id().encode()),)

    # Announced errors.

    def _error(self, request: Request) -> Response:
        agent = self._caller(request)
        error_type = text(request.header(ERROR_TYPE))
        if not error_type:
            raise Refusal("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
        init = request.path.endswith("/init/error")
        step = ExtensionStep.INIT_ERROR if init else ExtensionStep.EXIT_ERROR
        before = agent.state
        if not agent.step(step):
            raise Refusal("Extension.InvalidExtensionState", _not_allowed(before, step.value, agent.identifier))
        agent.error_type = error_type
        if before is not agent.state:
            self._platform.fail("Extension.InitError" if init else "Extension.ExitError")
        return accepted()

    # Telemetry.

    async def _subscribe(self, request: Request) -> Response | Broken:
        platform = self._platform
        agent = self._caller(request)
        if (fault := await misbehave(platform.faults.strikes("subscribe"))) is not None:
            return fault
        if not platform.life.open:
            ending = "is closed" if platform.config.managed else "is closed already"
            raise Refusal("Telemetry.SubscriptionClosed", f"Telemetry API subscription {ending}")
        try:
            subscription = parse_subscription(agent.name, request.body, managed=platform.config.managed)
            subscriber = await self._connected(subscription)
        except InvalidSubscription as error:
            return as_json(400, {"errorType": "ValidationError", "errorMessage": f"schema validation error: {error}"})
        agent.subscribed_ms = now_ms()
        platform.start_subscriber(subscriber)
        platform.telemetry.emit(records.telemetry_subscription(platform.epoch_ms(), agent.name, subscription.types))
        return as_json(200, "OK")

    async def _connected(self, subscription: Subscription) -> Subscriber:
        subscriber = Subscriber(subscription, self._platform.telemetry)
        if subscription.protocol == "TCP":
            try:
                await subscriber.connect()
            except OSError as error:
                raise InvalidSubscription(f"destination: nobody listens on 127.0.0.1:{subscription.port}") from error
        return subscriber


def _wanted_events(body: bytes) -> tuple[str, ...]:
    """Raises Refusal: not JSON, not the right shape, or configurationKeys."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise Refusal("InvalidRequestFormat", str(error)) from error
    events = document.get("events", []) if isinstance(document, dict) else None
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise Refusal("InvalidRequestFormat", "events: a list of text is needed")
    if document.get("configurationKeys"):
        raise Refusal("InvalidRequestFormat", "configurationKeys are not supported")
    return tuple(dict.fromkeys(events))


def _not_allowed(state: ExtensionState, wanted: str, who: str) -> str:
    return f"State transition from {state.value} to {wanted} failed for extension {who}. Error: State transition is not allowed"


def _registered_already(agent: Agent) -> str:
    if agent.external:
        return _not_allowed(agent.state, "Registered", agent.name)
    return "Extension with this name already registered"
