"""Where each body goes, and with which key; a key itself is never shown."""

import json

import pytest

from protocols.intake_body import Body
from reactor.agent.destinations import Destinations, Place, additional_keys, is_worker

MORE_METRICS = {"https://app.datadoghq.eu": ["key-one", "key-two"], "https://other.test": ["key-one"]}
MORE_LOGS = [{"api_key": "key-three", "Host": "logs.other.test", "Port": 443, "is_reliable": True}]


def body_of(kind, path="/x"):
    return Body(kind, path, "application/json", b"", 0)


@pytest.fixture
def shipping(settings_of):
    return settings_of(
        DD_URL="http://metrics.test",
        DD_LOGS_CONFIG_LOGS_DD_URL="http://logs.test",
        DD_ADDITIONAL_ENDPOINTS=json.dumps(MORE_METRICS),
        DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS=json.dumps(MORE_LOGS),
    )


@pytest.mark.parametrize(
    ("kind", "path", "url"),
    [
        ("logs", "/api/v2/logs", "http://logs.test/api/v2/logs"),
        ("series", "/api/v2/series", "http://metrics.test/api/v2/series"),
        ("sketches", "/api/beta/sketches", "http://metrics.test/api/beta/sketches"),
        ("event", "/api/v1/events", "http://metrics.test/api/v1/events"),
        ("checks", "/api/v1/check_run", "http://metrics.test/api/v1/check_run"),
    ],
)
def test_each_body_has_its_own_place_and_those_without_one_go_where_the_metrics_go(settings_of, kind, path, url):
    settings = settings_of(DD_URL="http://metrics.test", DD_LOGS_CONFIG_LOGS_DD_URL="http://logs.test")
    assert Destinations(settings).main(body_of(kind, path)) == Place(url)


def test_by_default_they_go_to_the_site(settings_of):
    destinations = Destinations(settings_of(DD_URL=None, DD_LOGS_CONFIG_LOGS_DD_URL=None, DD_SITE="datadoghq.eu"))
    assert destinations.main(body_of("logs")).url == "https://http-intake.logs.datadoghq.eu/api/v2/logs"
    assert destinations.main(body_of("event", "/api/v1/events")).url == "https://api.datadoghq.eu/api/v1/events"


def test_keys_are_numbered_each_once_and_every_pair_is_a_place(shipping):
    destinations = Destinations(shipping)
    assert additional_keys(shipping) == ("key-one", "key-two", "key-three")
    eu, other = "https://app.datadoghq.eu", "https://other.test"
    for kind, path in (("series", "/api/v2/series"), ("sketches", "/api/beta/sketches")):
        assert destinations.additional(body_of(kind)) == (Place(eu + path, 1), Place(eu + path, 2), Place(other + path, 1))
    assert destinations.additional(body_of("logs")) == (Place("https://logs.other.test:443/api/v2/logs", 3),)


@pytest.mark.parametrize("kind", ["event", "checks"])
def test_what_has_no_additional_intake_goes_to_one_place(shipping, kind):
    assert Destinations(shipping).additional(body_of(kind)) == ()


def test_no_key_is_shown(shipping):
    destinations = Destinations(shipping)
    shown = repr([destinations, vars(destinations), destinations.additional(body_of("series"))])
    assert not any(key in shown for key in ("key-one", "key-two", "key-three"))


@pytest.mark.parametrize(
    ("kind", "url", "key", "known"),
    [
        ("series", "http://metrics.test/api/v2/series", 0, True),
        ("series", "https://app.datadoghq.eu/api/v2/series", 2, True),
        ("series", "https://app.datadoghq.eu/api/v2/series", 3, False),
        ("series", "https://app.datadoghq.eu/api/v2/series", 0, False),
        ("series", "http://evil.test/api/v2/series", 0, False),
        ("logs", "http://metrics.test/api/v2/series", 0, False),
    ],
)
def test_a_place_that_the_settings_do_not_name_gets_no_body_and_so_no_key(shipping, kind, url, key, known):
    assert Destinations(shipping).knows(body_of(kind), url, key) == known


def test_a_worker_takes_the_logs_plain_at_its_own_url_and_the_additional_intakes_do_not(settings_of):
    settings = settings_of(
        DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_ENABLED="true",
        DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_URL="http://worker.test:8282/",
        DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS=json.dumps(MORE_LOGS),
    )
    destinations = Destinations(settings)
    assert destinations.main(body_of("logs")) == Place("http://worker.test:8282/", 0, is_plain=True)
    assert not destinations.additional(body_of("logs"))[0].is_plain
    assert not destinations.main(body_of("series")).is_plain
    assert [is_worker(settings, "logs"), is_worker(settings, "logs", 1), is_worker(settings, "series")] == [True, False, False]


def product(kind, path="/x?a=1", subdomain=""):
    return Body(kind, path, "", b"", 1, subdomain=subdomain)


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (product("profiling", "/api/v2/profile"), "https://intake.profile.datadoghq.eu/api/v2/profile"),
        (product("debugger", "/api/v2/debugger?ddtags=a"), "https://debugger-intake.datadoghq.eu/api/v2/debugger?ddtags=a"),
        (product("telemetry", "/api/v2/other"), "https://instrumentation-telemetry-intake.datadoghq.eu/api/v2/other"),
        (product("evp", "/api/v2/x", "event-platform-intake"), "https://event-platform-intake.datadoghq.eu/api/v2/x"),
    ],
)
def test_what_is_passed_on_goes_to_a_host_of_the_site(settings_of, body, url):
    destinations = Destinations(settings_of(DD_SITE="datadoghq.eu"))
    assert destinations.main(body) == Place(url)
    assert destinations.additional(body) == ()
    assert destinations.knows(body, url, 0)
    assert not destinations.knows(body, url, 1)


def test_traces_and_statistics_go_where_the_settings_say_and_to_the_additional_intakes(settings_of):
    more = json.dumps({"https://trace.other.test/": ["key-one"]})
    destinations = Destinations(settings_of(DD_APM_DD_URL="http://apm.test/", DD_APM_ADDITIONAL_ENDPOINTS=more))
    for kind, path in (("traces", "/api/v0.2/traces"), ("stats", "/api/v0.2/stats")):
        assert destinations.main(body_of(kind)) == Place(f"http://apm.test{path}")
        assert destinations.additional(body_of(kind)) == (Place(f"https://trace.other.test{path}", 1),)


@pytest.mark.parametrize(
    "body",
    [
        product("evp", "/x", "evil.test/"),
        product("evp", "/x", "evil.test#"),
        product("evp", "/x", "user@evil.test:443/"),
        product("evp", "/x", ""),
        product("evp", ".evil.test/x", "a"),
        product("profiling", ".evil.test/x"),
        product("profiling", "@evil.test/x"),
        Body("event", ".evil.test/x", "", b"", 1),
        Body("event", "@evil.test/x", "", b"", 1),
    ],
)
def test_a_tampered_spool_never_names_another_host(settings_of, body):
    destinations = Destinations(settings_of())
    assert not destinations.knows(body, destinations.main(body).url, 0)
