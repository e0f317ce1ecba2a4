import socket

import pytest

from cli.scenario import ADDRESS_VARIABLES, Progress, Scenario, _addresses, _way_to_intake, free_port, host_and_port
from emulator.intake import Intake
from emulator.values import ApiCall, FunctionConfig


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:8080", ("localhost", 8080)),
        ("http://intake/", ("intake", 80)),
        ("http://[::1]:9", ("::1", 9)),
    ],
)
def test_an_intake_is_a_host_and_a_port(url, address):
    assert host_and_port(url) == address


@pytest.mark.parametrize("url", ["https://api.datadoghq.com", "http://host/path", "http://host?x", "http://", "localhost:80"])
def test_what_a_relay_cannot_reach_is_refused(url):
    with pytest.raises(ValueError, match="--isolation host"):
        host_and_port(url)


def test_a_free_port_is_free():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        pass


def scenario(tmp_path, **more) -> Scenario:
    return Scenario(config=FunctionConfig(handler="a.b", task_root=tmp_path), extension=None, invocations=(), **more)


async def test_without_a_url_the_local_intake_answers_inside_the_sandbox(tmp_path):
    intake = Intake()
    url, inside = _way_to_intake(scenario(tmp_path), intake)
    ((port, handler),) = inside.items()
    assert (url, handler) == (f"http://127.0.0.1:{port}", intake.serve_connection)


def test_an_intake_elsewhere_is_reached_by_a_relay(tmp_path):
    url, inside = _way_to_intake(scenario(tmp_path, intake_url="http://intake:8080"), None)
    ((port, _),) = inside.items()
    assert url == f"http://127.0.0.1:{port}"


def test_on_the_hosts_network_an_intake_needs_no_relay(tmp_path):
    assert _way_to_intake(scenario(tmp_path, intake_url="https://x", isolation="host"), None) == ("https://x", {})


def test_all_products_go_to_the_one_intake():
    given = _addresses("http://x")
    assert {given[name] for name in ADDRESS_VARIABLES} == {"http://x"}
    assert len(given["DD_API_KEY"]) == 32


def call(**more) -> ApiCall:
    return ApiCall(**{"at_ms": 0, "kind": "runtime", "method": "POST", "headers": (), "body": b"", "answer": b"", "answered_ms": 0, **more})


async def test_progress_tells_of_registrations_and_answers_only():
    said: list[str] = []
    progress = Progress(said.append)
    for path, kind, status in [
        ("/2020-01-01/extension/register", "extensions", 200),
        ("/2020-01-01/extension/register", "extensions", 403),
        ("/2020-01-01/extension/event/next", "extensions", 200),
        ("/2018-06-01/runtime/invocation/1/response", "runtime", 202),
        ("/2018-06-01/runtime/invocation/2/error", "runtime", 202),
    ]:
        progress.note(call(path=path, kind=kind, status=status))
    assert [text.partition(" ms  ")[2] for text in said] == [
        "an extension registered",
        "an extension's registration: 403",
        "answer 1: a response",
        "answer 2: an error",
    ]
