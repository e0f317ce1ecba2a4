"""What real tracers write with their debug logs full on while they talk to the real extension: no word of trouble about their agent.

All that they leave off in functions, or that other tests switch off, is on here: telemetry, configuration from afar, statistics. What else
they complain of is listed with its reason; who adds to that list has found out first that it is not our doing.
"""

import re

import pytest

from emulator.values import Invocation

pytestmark = [pytest.mark.peers, pytest.mark.long]  # long for the installing, the first time, and for the tracers' own periods

VERBOSE = {
    "DD_TRACE_DEBUG": "true",
    "DD_TRACE_STARTUP_LOGS": "true",
    "DD_LOG_LEVEL": "debug",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "true",
    "DD_TELEMETRY_HEARTBEAT_INTERVAL": "2",
    "DD_REMOTE_CONFIGURATION_ENABLED": "true",
    "DD_TRACE_STATS_COMPUTATION_ENABLED": "true",
}
ASKS_FOR_STATISTICS = {"go": {"DD_COMPUTE_TRACE_STATS_ON_EXTENSION": "true"}}  # without it this one computes none in a function
# Before the third invocation: long enough for a heartbeat, and where the tracer computes statistics for a bucket of them.
PAUSE_MS = {"python": 3_000, "node": 12_000, "java": 3_000, "go": 21_000}
X_RAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"

TROUBLE = re.compile(
    r"\b(warn(ing)?|error|critical|fail(ed|ure|ing)?|unable|unsupported|refused|rejected|timed? ?out|cannot|can't|could not|couldn't|"
    r"not found|unexpected|invalid|malformed|unavailable|unreachable|retry(ing)?|dropp(ed|ing)|disabling)\b",
    re.IGNORECASE,
)
# Lines that show data: spans, settings, names of classes. The words in them are nobody's complaint.
SHOWS_DATA = re.compile(
    r"(inishing span - |span Span\(|(Started|Finished) Span: |Encoding payload: |Request to the (agent|intake): |"
    r"DATADOG TRACER (CONFIGURATION|INTEGRATIONS LOADED)|Config - New instance: |\.tooling\.|instrumentation\.class=)"
)
NOT_OURS = {
    "python": {
        "Unable to infer a span: unknown event type": "the event is {}",
        r"Spans dropped by trace processors: 0\.": "it counts what was not dropped",
    },
    "node": {
        "Cannot extract StateMachine context!": "the event is of no state machine",
        "Xray trace header from env": "Node.js functions have no such variable",
    },
    "java": {
        "Sharing is only supported for boot loader classes": "the virtual machine, about its own archive of classes",
        "Could not find embedded Git properties resource": "the function is not packed with any",
        "DependencyResolver": "parts of Java itself, and the folder of the function's classes, are no libraries of a known version",
        r"Failed: 0\.": "it counts what did not fail",
    },
    "go": {
        "remote activation of threats detection cannot be enabled": "its library for that does not know this version of Go",
        "Could not convert TraceContext": "there is none above",
    },
}
# What each says when its agent is as it should be: that its debug log is on, that it has asked, and that it took the answers for good.
CONTENT = {
    "python": ["Updated DatadogSampler with 1 service based sampling rates \\(provided by the agent\\)"],
    "node": [
        'Response from the agent: {"rate_by_service":{"service:,env:":1}}',
        "Request to the intake: .*/v0.6/stats.*\n(.*\n)*.*Response from the intake: Successfully buffered stats",
    ],
    "java": [
        "discovered traceEndpoint=v0.4/traces, metricsEndpoint=v0.6/stats, .*telemetryProxyEndpoint=telemetry/proxy/",
        "DDAgentApi - Success while sending 1 ",
        "Telemetry message app-started sent successfully to http://localhost:8126/telemetry/proxy/api/v2/apmtelemetry",
        "Telemetry message app-closing sent successfully",
    ],
    "go": ['"agent_url":"http://localhost:8126/v0.4/traces","agent_error":""', "sent traces after 1 attempts"],
}
SEND_STATISTICS = {"node", "go"}  # the others only where the agent lets them drop spans, which no function's agent does


@pytest.fixture(scope="module", params=sorted(CONTENT))
def language(request):
    return request.param


@pytest.fixture(scope="module")
def play(clients, language, tmp_path_factory):
    """Runs the function with everything on, and variables of its own; how long it pauses in the middle."""
    function = getattr(clients, language)(tmp_path_factory.mktemp(language))

    def play(pause_ms, **variables):
        pauses = (0, 0, pause_ms, *(bool(pause_ms) * 300,) * 2)  # after the long one it sends what has become due
        return clients.run(
            function,
            VERBOSE | ASKS_FOR_STATISTICS.get(language, {}) | variables,
            [Invocation(b"{}", trace_id=X_RAY, pause_before_ms=each) for each in pauses],
        )

    return play


@pytest.fixture(scope="module")
def found(play, language):
    return play(PAUSE_MS[language])


def complaints(found, language):
    """Lines of the function's log with a word of trouble in them, but for those with a reason of their own."""
    excused = re.compile("|".join(NOT_OURS[language]))
    lines = [line for line in found.run.function_output if not SHOWS_DATA.search(line)]
    return [line for line in lines if TROUBLE.search(line) and not excused.search(line)]


def test_a_tracer_has_nothing_to_complain_of(found, language):
    assert found.statuses == ["success"] * len(found.results)
    assert complaints(found, language) == []


def test_a_tracer_says_that_its_agent_is_as_it_should_be(found, language):
    log = "\n".join(found.run.function_output)
    assert [words for words in CONTENT[language] if not re.search(words, log)] == []


def test_the_extension_has_nothing_to_complain_of_but_that_the_sandbox_has_no_way_out(found):
    """Tracers' telemetry has an intake that no setting names another way."""
    assert [text for text in found.own("WARN") if "telemetry" not in text] == []


def test_statistics_of_a_tracer_that_computes_them_arrive_and_its_spans_all(clients, found, language):
    spans, hits = clients.spans_of(found), clients.groups_of(found)
    assert spans.names["aws.lambda"] == len(found.results)
    if language in SEND_STATISTICS:
        assert 2 <= hits["shop.order"] <= len(found.results), "of those before the pause; the last it had not sent yet"
    else:
        assert hits == {}


def test_what_a_tracer_complains_of_would_be_seen(play, language):
    """Port 8124 has no room for spans."""
    assert complaints(play(0, DD_TRACE_AGENT_URL="http://127.0.0.1:8124"), language) != []
