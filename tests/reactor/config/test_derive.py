"""What follows from several values: specification, configuration 4 and 6."""

import pytest

from reactor.config.addresses import intake_base, is_authority
from reactor.config.derive import endpoint_port

DEFAULT_URLS = {
    "series": "https://api.datadoghq.com/api/v2/series",
    "sketches": "https://api.datadoghq.com/api/beta/sketches",
    "traces": "https://trace.agent.datadoghq.com/api/v0.2/traces",
    "stats": "https://trace.agent.datadoghq.com/api/v0.2/stats",
    "logs": "https://http-intake.logs.datadoghq.com/api/v2/logs",
    "data_streams": "https://trace.agent.datadoghq.com/api/v0.1/pipeline_stats",
    "profiling": "https://intake.profile.datadoghq.com/api/v2/profile",
    "llm_evaluations_v1": "https://api.datadoghq.com/api/intake/llm-obs/v1/eval-metric",
    "llm_evaluations_v2": "https://api.datadoghq.com/api/intake/llm-obs/v2/eval-metric",
    "llm_spans": "https://llmobs-intake.datadoghq.com/api/v2/llmobs",
    "debugger_v1": "https://http-intake.logs.datadoghq.com/api/v2/logs",
    "debugger": "https://debugger-intake.datadoghq.com/api/v2/debugger",
    "telemetry": "https://instrumentation-telemetry-intake.datadoghq.com/api/v2/apmtelemetry",
    "tracer_flare": "https://app.datadoghq.com/api/ui/support/serverless/flare",
    "delegated_key": "https://api.datadoghq.com/api/v2/intake-key",
}


def test_the_intakes_of_the_default_site(sound):
    assert sound().intake_urls == DEFAULT_URLS


@pytest.mark.parametrize(
    "site",
    [
        "datadoghq.com",
        "us3.datadoghq.com",
        "us5.datadoghq.com",
        "datadoghq.eu",
        "ap1.datadoghq.com",
        "ap2.datadoghq.com",
        "ddog-gov.com",
        "datad0g.com",
    ],
)
def test_every_intake_follows_the_site(sound, site):
    assert sound(DD_SITE=site).intake_urls == {name: url.replace("datadoghq.com", site) for name, url in DEFAULT_URLS.items()}


@pytest.mark.parametrize("given", ["https://datadoghq.eu", "datadoghq.eu/", " datadoghq.eu ", "http://datadoghq.eu//", '"datadoghq.eu"'])
def test_a_site_loses_scheme_slash_and_blanks(sound, given):
    # Better: the reference aborts on all but the last.
    assert sound(DD_SITE=given).site == "datadoghq.eu"


@pytest.mark.parametrize("given", ["datadoghq.eu/path", "https://datadoghq.eu/a/b", "https://datadoghq.eu/account/login/"])
def test_a_site_loses_a_path_and_that_is_said(configured, given):
    # Better: the reference aborts. Data that goes to the default site is as good as lost to whoever lives on another.
    settings, findings = configured(DD_SITE=given)
    assert settings.site == "datadoghq.eu"
    assert [(finding.level, finding.source) for finding in findings] == [("WARN", "DD_SITE")]


@pytest.mark.parametrize("given", ["data dog", "a@b", "a:b", "a:99999", "a..b", "x" * 64 + ".eu", "ä.eu", "a:443:1", "a:0", ":"])
def test_a_bad_site_is_an_error_and_the_default(configured, given):
    # Better: the reference aborts.
    settings, findings = configured(DD_SITE=given)
    assert settings.site == "datadoghq.com"
    assert [(finding.level, finding.source) for finding in findings] == [("ERROR", "DD_SITE")]


@pytest.mark.parametrize(
    ("variables", "product", "url"),
    [
        (
            {"DD_LOGS_CONFIG_LOGS_DD_URL": "agent-http-intake-pci.logs.datadoghq.com:443"},
            "logs",
            "https://agent-http-intake-pci.logs.datadoghq.com:443/api/v2/logs",
        ),
        (
            {"DD_LOGS_CONFIG_LOGS_DD_URL": "https://custom-intake.logs.datadoghq.com:443"},
            "logs",
            "https://custom-intake.logs.datadoghq.com:443/api/v2/logs",
        ),
        (
            {"DD_LOGS_CONFIG_LOGS_DD_URL": " https://custom-intake.logs.datadoghq.com/ "},
            "logs",
            "https://custom-intake.logs.datadoghq.com/api/v2/logs",
        ),
        ({"DD_LOGS_CONFIG_LOGS_DD_URL": "http://127.0.0.1:3333"}, "logs", "http://127.0.0.1:3333/api/v2/logs"),
        ({"DD_APM_DD_URL": "https://trace-pci.agent.datadoghq.com"}, "traces", "https://trace-pci.agent.datadoghq.com/api/v0.2/traces"),
        ({"DD_APM_DD_URL": "https://test.agent.datadoghq.com/"}, "traces", "https://test.agent.datadoghq.com/api/v0.2/traces"),
        # Better: the reference sends stats to the site whatever DD_APM_DD_URL says.
        ({"DD_APM_DD_URL": "https://test.agent.datadoghq.com/"}, "stats", "https://test.agent.datadoghq.com/api/v0.2/stats"),
        ({"DD_DD_URL": "https://test.agent.datadoghq.com/"}, "series", "https://test.agent.datadoghq.com/api/v2/series"),
        ({"DD_DD_URL": "https://a.example", "DD_URL": "https://b.example"}, "sketches", "https://a.example/api/beta/sketches"),
        ({"DD_URL": "https://b.example"}, "sketches", "https://b.example/api/beta/sketches"),
        # Better: these two abort the reference.
        ({"DD_DD_URL": "custom_proxy:3128"}, "series", "https://custom_proxy:3128/api/v2/series"),
        ({"DD_URL": "custom_proxy:3128"}, "series", "https://custom_proxy:3128/api/v2/series"),
    ],
)
def test_an_address_moves_its_product(sound, variables, product, url):
    assert sound(**variables).intake_urls[product] == url


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DD_DD_URL", "https://host/path"),
        ("DD_URL", "ftp://host"),
        ("DD_APM_DD_URL", "https://"),
        ("DD_APM_DD_URL", "https://ho st"),
        ("DD_LOGS_CONFIG_LOGS_DD_URL", "https://host?query"),
        ("DD_LOGS_CONFIG_LOGS_DD_URL", "https://a..b"),
        ("DD_LOGS_CONFIG_LOGS_DD_URL", "https://host:port"),
    ],
)
def test_a_bad_address_is_an_error_and_the_site_is_used(configured, variable, value):
    settings, findings = configured(**{variable: value})
    assert settings.intake_urls == DEFAULT_URLS
    assert [(finding.level, finding.source) for finding in findings] == [("ERROR", variable)]


def test_a_bad_metrics_address_gives_way_to_the_second_one(configured):
    settings, _ = configured(DD_DD_URL="://", DD_URL="https://b.example")
    assert settings.intake_urls["series"] == "https://b.example/api/v2/series"


def test_further_destinations_have_their_paths_and_keys(sound):
    settings = sound(
        DD_ADDITIONAL_ENDPOINTS='{"https://app.datadoghq.com/":["key1","key2"],"https://app.datadoghq.eu":["key3"]}',
        DD_APM_ADDITIONAL_ENDPOINTS='{"https://trace.agent.datadoghq.eu/":["key4"]}',
        DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS='[{"api_key":"key5","Host":"logs.example","Port":443,"is_reliable":true}]',
    )
    assert settings.additional_intakes == {
        "series": (
            ("https://app.datadoghq.com/api/v2/series", "key1"),
            ("https://app.datadoghq.com/api/v2/series", "key2"),
            ("https://app.datadoghq.eu/api/v2/series", "key3"),
        ),
        "sketches": (
            ("https://app.datadoghq.com/api/beta/sketches", "key1"),
            ("https://app.datadoghq.com/api/beta/sketches", "key2"),
            ("https://app.datadoghq.eu/api/beta/sketches", "key3"),
        ),
        "traces": (("https://trace.agent.datadoghq.eu/api/v0.2/traces", "key4"),),
        "stats": (("https://trace.agent.datadoghq.eu/api/v0.2/stats", "key4"),),
        "logs": (("https://logs.example:443/api/v2/logs", "key5"),),
    }


def test_a_malformed_further_destination_is_left_out_and_not_replaced(configured):
    # Better (specification, metrics 5.7): the reference sends to app.datadoghq.com instead.
    settings, findings = configured(
        DD_ADDITIONAL_ENDPOINTS='{"not an address":["key1"],"https://app.datadoghq.eu":["key3"]}',
        DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS='[{"api_key":"key5","Host":"no host","Port":443,"is_reliable":true}]',
    )
    assert settings.additional_intakes["series"] == (("https://app.datadoghq.eu/api/v2/series", "key3"),)
    assert settings.additional_intakes["logs"] == ()
    assert [finding.level for finding in findings] == ["ERROR", "ERROR"]


@pytest.mark.parametrize(
    ("serverless", "plain", "on"),
    [
        (None, None, True),
        ("false", None, False),
        (None, "false", False),
        (None, "true", True),
        ("false", "true", True),
        ("true", "false", True),
        ("false", "false", False),
        ("true", None, True),
    ],
)
@pytest.mark.parametrize("source", ["env", "yaml"])
def test_logs_are_on_if_one_of_their_switches_is(sound, serverless, plain, on, source):
    given = {name: value for name, value in (("serverless_logs_enabled", serverless), ("logs_enabled", plain)) if value}
    if source == "env":
        settings = sound(**{f"DD_{name.upper()}": value for name, value in given.items()})
    else:
        settings = sound("".join(f"{name}: {value}\n" for name, value in given.items()))
    assert settings.serverless_logs_enabled is on


def test_a_switch_of_the_environment_beats_both_of_the_file(sound):
    assert sound("serverless_logs_enabled: true\nlogs_enabled: true\n", DD_LOGS_ENABLED="false").serverless_logs_enabled is False


@pytest.mark.parametrize(
    ("yaml_text", "variables", "level"),
    [
        ("", {}, 3),
        ("compression_level: 5", {}, 5),
        ("compression_level: 5\nlogs_config: {compression_level: 1}", {}, 1),
        ("", {"DD_COMPRESSION_LEVEL": "7"}, 7),
        ("", {"DD_COMPRESSION_LEVEL": "7", "DD_LOGS_CONFIG_COMPRESSION_LEVEL": "2"}, 2),
        ("", {"DD_COMPRESSION_LEVEL": "7", "DATADOG_LOGS_CONFIG_COMPRESSION_LEVEL": "2"}, 2),
        ("logs_config: {compression_level: 1}", {"DD_COMPRESSION_LEVEL": "7"}, 7),
        ("compression_level: 5", {"DD_LOGS_CONFIG_COMPRESSION_LEVEL": "2"}, 2),
    ],
)
def test_the_specific_level_wins_within_its_source(sound, yaml_text, variables, level):
    assert sound(yaml_text, **variables).logs_config_compression_level == level


@pytest.mark.parametrize(
    ("variables", "general", "extraction"),
    [
        ({"DD_TRACE_PROPAGATION_STYLE": "datadog,tracecontext"}, ("datadog", "tracecontext"), ("datadog", "tracecontext")),
        ({"DD_TRACE_PROPAGATION_STYLE_EXTRACT": "datadog"}, ("datadog", "tracecontext"), ("datadog",)),
        ({"DD_TRACE_PROPAGATION_STYLE": "b3"}, ("b3",), ("b3",)),
    ],
)
def test_extraction_follows_the_general_styles_unless_it_has_its_own(sound, variables, general, extraction):
    settings = sound(**variables)
    assert (settings.trace_propagation_style, settings.trace_propagation_style_extract) == (general, extraction)


@pytest.mark.parametrize(
    ("variables", "url", "around"),
    [
        ({"DD_PROXY_HTTPS": "my-proxy:3128"}, "http://my-proxy:3128", ()),
        ({"HTTPS_PROXY": "my-proxy:3128"}, "http://my-proxy:3128", ()),
        ({"HTTPS_PROXY": "other:1", "DD_PROXY_HTTPS": "my-proxy:3128"}, "http://my-proxy:3128", ()),
        ({"DD_PROXY_HTTPS": "my-proxy:3128", "NO_PROXY": "a, b", "DD_PROXY_NO_PROXY": "c"}, "http://my-proxy:3128", ("c", "a", "b")),
        ({"DD_PROXY_HTTPS": "", "HTTPS_PROXY": ""}, None, ()),  # better: either aborts the reference
        ({"https_proxy": "my-proxy:3128"}, None, ()),
    ],
)
def test_the_proxy_and_what_goes_around_it(sound, variables, url, around):
    settings = sound(**variables)
    assert (settings.https_proxy_url, settings.no_proxy) == (url, around)


@pytest.mark.parametrize("variable", ["DD_PROXY_HTTPS", "HTTPS_PROXY"])
def test_a_bad_proxy_is_an_error_and_none_is_used(configured, variable):
    settings, findings = configured(**{variable: "socks5://host:1"})
    assert settings.https_proxy_url is None
    assert [(finding.level, finding.source) for finding in findings] == [("ERROR", variable)]


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("localhost:8080", 8080),
        ("0.0.0.0:9999", 9999),
        ("http://localhost:4318", 4318),
        ("https://localhost:4317", 4317),
        ("[::1]:4317", 4317),
        ("http://localhost:4319/", 4319),  # better: the default in the reference
        ("localhost:0", 0),
        ("localhost:invalid", None),
        ("localhost:65536", None),
        ("localhost", None),
        ("", None),
    ],
)
def test_the_port_of_an_otlp_endpoint(endpoint, port):
    assert endpoint_port(endpoint) == port


HTTP, GRPC = "DD_OTLP_CONFIG_RECEIVER_PROTOCOLS_HTTP_ENDPOINT", "DD_OTLP_CONFIG_RECEIVER_PROTOCOLS_GRPC_ENDPOINT"


@pytest.mark.parametrize(
    ("variables", "ports"),
    [
        ({}, (None, None)),
        ({HTTP: "0.0.0.0:4318"}, (4318, None)),
        ({GRPC: "0.0.0.0:4317"}, (None, 4317)),
        ({HTTP: "a:1", GRPC: "a:2"}, (1, 2)),
        ({HTTP: "a:1", GRPC: "a:2", "DD_OTLP_CONFIG_TRACES_ENABLED": "false"}, (None, None)),
        ({HTTP: ""}, (None, None)),
        ({HTTP: "a:0", GRPC: "a:0"}, (0, 0)),
    ],
)
def test_otlp_receivers_that_start(sound, variables, ports):
    settings = sound(**variables)
    assert (settings.otlp_http_port, settings.otlp_grpc_port) == ports


@pytest.mark.parametrize(
    ("variables", "ports"), [({HTTP: "x"}, (4318, None)), ({GRPC: "x"}, (None, 4317)), ({HTTP: "a:5", GRPC: "b:5"}, (5, None))]
)
def test_otlp_endpoints_that_do_not_serve_are_errors(configured, variables, ports):
    settings, findings = configured(**variables)
    assert (settings.otlp_http_port, settings.otlp_grpc_port) == ports
    assert [finding.level for finding in findings] == ["ERROR"]


def test_logs_go_to_the_worker_exactly_as_written(sound):
    settings = sound(
        DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_ENABLED="true", DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_URL="http://worker:8282/x/"
    )
    assert settings.intake_urls["logs"] == "http://worker:8282/x/"


def test_the_address_of_a_worker_that_is_off_has_no_effect(sound):
    assert sound(DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_URL="http://worker:8282").intake_urls == DEFAULT_URLS


def test_logs_that_have_no_worker_to_go_to_are_off(configured):
    settings, findings = configured(DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_ENABLED="true")
    assert settings.serverless_logs_enabled is False
    assert [finding.level for finding in findings] == ["ERROR"]


@pytest.mark.parametrize(
    ("text", "good"),
    [("a", True), ("a.b.", True), ("127.0.0.1:80", True), ("a:", False), ("", False), (".", False), ("a/b", False), ("[::1]", False)],
)
def test_authorities(text, good):
    assert is_authority(text) is good


def test_a_base_may_have_a_path_only_where_it_is_allowed():
    assert intake_base("HTTPS://Host/a/b/") == "https://Host/a/b"
    assert intake_base("https://host/a", with_path=False) == ""
