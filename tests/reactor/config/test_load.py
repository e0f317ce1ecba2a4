"""Sources, precedence and isolation: specification, configuration 1, 5, 6 and its reference test rows."""

import subprocess
import sys

import pytest

from reactor.config.load import load, load_from_disk
from reactor.config.settings import ACCEPTED, SETTINGS, Setting

EXAMPLE = r"""
site: datadoghq.eu
api_key: "0123456789abcdef0123456789abcdef"
flush_timeout: 10
compression_level: 4
env: prod
service: orders
version: "1.0.0"
tags: ["team:checkout", "project:shop"]
proxy:
  https: http://proxy.internal:3128
  no_proxy: ["169.254.169.254"]
additional_endpoints:
  "https://app.datadoghq.com": [key2]
logs_config:
  processing_rules:
    - {type: mask_sequences, name: cards, pattern: '\d{16}', replace_placeholder: "****"}
  compression_level: 1
apm_config:
  replace_tags:
    - {name: "*", pattern: "foo", repl: "REDACTED"}
  obfuscation: {http: {remove_query_string: true}}
trace_propagation_style: "datadog,tracecontext"
otlp_config:
  receiver: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}
serverless_flush_strategy: "periodically,60000"
serverless_logs_enabled: true
capture_lambda_payload: false
"""


def lines(findings):
    return [(finding.level, finding.source, finding.used_instead) for finding in findings]


def test_nothing_configured_is_the_defaults_without_a_word(sound):
    settings = sound()
    derived = {"trace_propagation_style_extract": ("datadog", "tracecontext")}
    for row in SETTINGS:
        assert getattr(settings, row.name) == derived.get(row.name, row.default), row.name


def test_the_example_file_is_understood_whole(sound):
    settings = sound(EXAMPLE)
    assert settings.site == "datadoghq.eu"
    assert settings.api_key == "0123456789abcdef0123456789abcdef"
    assert (settings.flush_timeout_s, settings.compression_level) == (10, 4)
    assert (settings.env, settings.service, settings.version) == ("prod", "orders", "1.0.0")
    assert settings.tags == {"team": "checkout", "project": "shop"}
    assert (settings.https_proxy_url, settings.no_proxy) == ("http://proxy.internal:3128", ("169.254.169.254",))
    assert settings.additional_endpoints == (("https://app.datadoghq.com", ("key2",)),)
    assert settings.logs_config_processing_rules == (("mask_sequences", "cards", r"\d{16}", "****"),)
    levels = settings.logs_config_compression_level, settings.apm_config_compression_level, settings.metrics_config_compression_level
    assert levels == (1, 4, 4)
    assert settings.apm_replace_tags == (("*", "foo", "REDACTED"),)
    assert settings.apm_config_obfuscation_http_remove_query_string is True
    assert settings.otlp_http_port == 4318
    assert settings.serverless_flush_strategy == ("periodically", 60_000)


def test_default_then_yaml_then_datadog_then_dd(configured):
    assert configured()[0].service is None
    assert configured("service: yaml")[0].service == "yaml"
    assert configured("service: yaml", DATADOG_SERVICE="datadog")[0].service == "datadog"
    assert configured("service: yaml", DATADOG_SERVICE="datadog", DD_SERVICE="dd")[0].service == "dd"


def test_the_reference_row_of_yaml_and_environment(sound):
    settings = sound(
        "site: us3.datadoghq.com\napi_key: yaml-api-key\nlog_level: debug\n",
        DD_SITE="us5.datadoghq.com",
        DD_API_KEY="env-api-key",
        DD_FLUSH_TIMEOUT="10",
    )
    assert (settings.site, settings.api_key, settings.log_level, settings.flush_timeout_s) == (
        "us5.datadoghq.com",
        "env-api-key",
        "debug",
        10,
    )


@pytest.mark.parametrize("name", ["dd_site", "Dd_Site", "datadog_site"])
def test_names_match_in_any_case(sound, name):
    assert sound(**{name: "datadoghq.eu"}).site == "datadoghq.eu"


def test_of_two_spellings_the_upper_case_one_counts():
    for order in (("dd_site", "DD_SITE"), ("DD_SITE", "dd_site")):
        env = {name: {"dd_site": "low.example", "DD_SITE": "high.example"}[name] for name in order}
        assert load(env, None)[0].site == "high.example"


@pytest.mark.parametrize(
    ("yaml_text", "variable", "name", "expected"),
    [
        ("api_key: yaml", "DD_API_KEY", "api_key", ""),
        ("site: datadoghq.eu", "DD_SITE", "site", "datadoghq.com"),
        ("tls_cert_file: /a.pem", "DD_TLS_CERT_FILE", "tls_cert_file", None),  # better: empty aborts the reference
        ("tags: ['a:b']", "DD_TAGS", "tags", {"a": "b"}),
        (
            "lambda_customer_metrics_exclude_tags: region",
            "DD_LAMBDA_CUSTOMER_METRICS_EXCLUDE_TAGS",
            "lambda_customer_metrics_exclude_tags",
            ("region",),
        ),
        ("service: yaml", "DD_SERVICE", "service", "yaml"),
    ],
)
def test_an_empty_variable_clears_a_text_but_no_list(sound, yaml_text, variable, name, expected):
    assert getattr(sound(yaml_text, **{variable: ""}), name) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DD_APM_FEATURES", "1"),
        ("DD_PROXY_NO_PROXY", "true"),
        ("DD_APM_FILTER_TAGS_REQUIRE", "1"),
        ("DD_TAGS", "[a:b]"),
        ("DD_TAGS", "{}"),
        ("DD_SERVERLESS_FLUSH_STRATEGY", "123"),
        ("DD_LAMBDA_CUSTOMER_METRICS_EXCLUDE_TAGS", "1"),
    ],
)
def test_no_value_takes_its_neighbours_with_it(configured, variable, value):
    # Better: each of these voids every variable of its group in the reference.
    settings, _ = configured(DD_SITE="datadoghq.eu", DD_CAPTURE_LAMBDA_PAYLOAD="true", **{variable: value})
    assert (settings.site, settings.capture_lambda_payload) == ("datadoghq.eu", True)


def test_all_wrong_values_give_defaults_and_all_texts_stay(configured):
    texts = {"DD_SITE": "datadoghq.eu", "DD_API_KEY": "key", "DD_ENV": "prod", "DD_SERVICE": "orders", "DD_VERSION": "1"}
    kept = {"site", "api_key", "env", "service", "version", "intake_urls"}
    wrong = {f"DD_{row.env[0]}": "<wrong>" for row in SETTINGS if row.parse.__name__ in STRICT_PARSERS}
    settings, findings = configured(**texts, **wrong)
    untouched = configured()[0]
    assert {name for name, value in settings.items() if value != getattr(untouched, name)} == kept
    assert {finding.source for finding in findings} == set(wrong)


STRICT_PARSERS = {
    *("parse_bool", "parse_integer", "parse_size", "parse_compression_level", "parse_grpc_mib", "parse_timeout_s", "parse_seconds"),
    *("parse_seconds_zero_unset", "parse_log_level", "parse_styles", "parse_strategy", "parse_endpoints"),
    *("parse_log_endpoints", "parse_processing_rules", "parse_replace_rules", "parse_namespace"),
}


def test_a_bad_value_keeps_the_next_lower_source_and_says_so(configured):
    settings, findings = configured("flush_timeout: 7", DATADOG_FLUSH_TIMEOUT="soon", DD_FLUSH_TIMEOUT="never")
    assert settings.flush_timeout_s == 7
    assert lines(findings) == [("WARN", "DD_FLUSH_TIMEOUT", "7 (yaml)"), ("WARN", "DATADOG_FLUSH_TIMEOUT", "7 (yaml)")]
    assert findings[0].line() == "DD_FLUSH_TIMEOUT = never: not a whole number; using 7 (yaml)"


def test_a_wrong_block_in_yaml_costs_only_what_is_below_it(configured):
    settings, findings = configured("proxy: 3\nservice: a\nlogs_config:\n  processing_rules: 5\n  compression_level: 2\n")
    assert (settings.service, settings.logs_config_compression_level, settings.logs_config_processing_rules) == ("a", 2, ())
    assert {finding.source for finding in findings} == {"proxy", "logs_config.processing_rules"}


def test_a_wrong_value_in_a_block_leaves_the_rest_of_the_block(configured):
    settings, findings = configured("proxy: {https: my-proxy:3128, no_proxy: 12345}")
    assert (settings.https_proxy_url, settings.no_proxy) == ("http://my-proxy:3128", ())
    assert [finding.source for finding in findings] == ["proxy.no_proxy"]


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", "\x00", "x" * (1024 * 1024 + 1), "[" * 5000, "\udc80"])
def test_a_broken_file_is_one_error_and_variables_still_count(configured, text):
    settings, findings = configured(text, DD_SERVICE="orders")
    assert settings.service == "orders"
    assert lines(findings) == [("ERROR", "datadog.yaml", "environment and defaults")]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "~", "service: ~"])
def test_an_empty_file_or_value_is_as_none(sound, text):
    assert sound(text) == sound()


def test_numbers_of_the_file_keep_their_text(sound):
    settings = sound("version: 1.10\nenv: 007\nservice: no\n")
    assert (settings.version, settings.env, settings.service) == ("1.10", "007", "no")


@pytest.mark.parametrize(("variable", "name"), [("DD_VERSION", "version"), ("DD_ENV", "env"), ("DD_SERVICE", "service")])
def test_digits_of_variables_are_texts(sound, variable, name):
    assert getattr(sound(**{variable: "123456890"}), name) == "123456890"


def test_tags_of_file_and_variable_are_merged_and_the_variable_wins(sound):
    # Better (specification, tags 2.1): the reference forgets the file's tags.
    assert sound("tags: ['a:file', 'b:file']", DD_TAGS="a:env").tags == {"a": "env", "b": "file"}
    assert sound("tags: ['b:file']", DATADOG_TAGS="a:low", DD_TAGS="a:env").tags == {"a": "env", "b": "file"}


def test_processing_rules_of_a_variable_replace_those_of_the_file(sound):
    yaml_text = "logs_config: {processing_rules: [{type: exclude_at_match, name: other, pattern: other}]}"
    rule = '[{"type":"exclude_at_match","name":"exclude","pattern":"exclude"}]'
    settings = sound(yaml_text, DD_LOGS_CONFIG_PROCESSING_RULES=rule)
    assert settings.logs_config_processing_rules == (("exclude_at_match", "exclude", "exclude", ""),)


@pytest.mark.parametrize(
    ("variables", "name", "expected"),
    [
        ({"DD_SKIP_SSL_VALIDATION": "1"}, "skip_ssl_validation", True),
        ({"DD_ORG_UUID": "0-1"}, "org_uuid", "0-1"),
        ({"DD_API_KEY": '"abc"'}, "api_key", "abc"),
        ({"DD_API_KEY": "12345678"}, "api_key", "12345678"),  # better: ignored by the reference
        ({"DD_CAPTURE_LAMBDA_PAYLOAD_MAX_DEPTH": "5"}, "capture_lambda_payload_max_depth", 5),
        ({"DD_SPAN_DEDUP_TIMEOUT": "0"}, "span_dedup_timeout_s", None),
        ({"DD_API_KEY_SECRET_RELOAD_INTERVAL": "10"}, "api_key_secret_reload_interval_s", 10.0),
        ({"DD_APPSEC_WAF_TIMEOUT": "1000000"}, "appsec_waf_timeout_us", 1_000_000),
        ({"DD_API_SECURITY_SAMPLE_DELAY": "60"}, "api_security_sample_delay_s", 60.0),
        (
            {"DD_LAMBDA_CUSTOMER_METRICS_EXCLUDE_TAGS": "function_arn,region"},
            "lambda_customer_metrics_exclude_tags",
            ("function_arn", "region"),
        ),
        ({"DD_COMPUTE_TRACE_STATS_ON_EXTENSION": "true"}, "lambda_extension_compute_stats", True),
        ({"DD_APM_OBFUSCATION_HTTP_REMOVE_QUERY_STRING": "true"}, "apm_config_obfuscation_http_remove_query_string", True),
        ({"DD_TRACE_MANAGED_SERVICES": "false"}, "trace_managed_services", False),
        ({"DD_FLUSH_BUDGET_MS": "250"}, "flush_budget_ms", 250),
        ({"DD_EXTRA_TAGS": "a:b"}, "extra_tags", {"a": "b"}),
        ({"DD_EXPERIMENTAL_ENABLE_PROXY": "TRUE"}, "experimental_enable_proxy", True),
        ({"DD_APM_TRACING_ENABLED": "false"}, "apm_tracing_enabled", False),
        ({"DD_APPSEC_OBFUSCATION_PARAMETER_KEY_REGEXP": ""}, "appsec_obfuscation_parameter_key_regexp", ""),
    ],
)
def test_single_variables(sound, variables, name, expected):
    assert getattr(sound(**variables), name) == expected


@pytest.mark.parametrize(
    ("variables", "level"),
    [
        ({"DD_ENHANCED_METRICS": "not-a-bool"}, "WARN"),
        ({"DD_LOG_LEVEL": "loud"}, "ERROR"),
        ({"DD_DOGSTATSD_SO_RCVBUF": "0"}, "ERROR"),
        ({"DD_FLUSH_TIMEOUT": "0"}, "WARN"),  # better: every request of the reference fails then
        ({"DD_STATSD_METRIC_NAMESPACE": "1x"}, "ERROR"),
        ({"DD_ADDITIONAL_ENDPOINTS": "invalid-json"}, "ERROR"),
        ({"DD_SERVICE": "\udc80"}, "WARN"),
    ],
)
def test_a_bad_variable_changes_nothing_and_is_one_finding(configured, variables, level):
    settings, findings = configured(**variables)
    assert settings == configured()[0]
    assert [(finding.level, finding.source) for finding in findings] == [(level, next(iter(variables)))]


@pytest.mark.parametrize(
    "variables",
    [
        {"DD_API_KEY": "topsecret\udc80"},
        {"DD_ADDITIONAL_ENDPOINTS": '{"https://a": ["topsecret"'},
        {"DD_ADDITIONAL_ENDPOINTS": '{"https://bad host": ["topsecret"]}'},
        {"DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS": '[{"api_key": "topsecret"}]'},
        {"DD_PROXY_HTTPS": "socks5://user:topsecret@proxy"},
        {"HTTPS_PROXY": "socks5://user:topsecret@proxy"},
        {"DD_DD_URL": "ftp://user:topsecret@host"},
        {"DD_KMS_API_KEYS": "topsecret"},
    ],
)
def test_no_finding_holds_a_secret(configured, variables):
    settings, findings = configured(**variables)
    assert findings
    assert not any("topsecret" in finding.line() + finding.shown_value for finding in findings)
    assert "topsecret" not in repr(settings)


@pytest.mark.parametrize("row", [row for row in SETTINGS if row.effect == ACCEPTED], ids=lambda row: row.name)
def test_a_setting_without_effect_says_so_once_when_it_is_set(configured, row):
    other = {bool: "true", int: "77"}.get(type(row.default), "7")
    _, findings = configured(**{f"DD_{row.env[0]}": other})
    assert [(finding.level, finding.setting) for finding in findings] == [("WARN", row.name)]
    assert "without effect" in findings[0].reason


MISSED = {
    "DD_SERVERLESS_APPSEC_ENABLED": "true",
    "DD_EXPERIMENTAL_ENABLE_PROXY": "true",
    "DD_OTLP_CONFIG_RECEIVER_PROTOCOLS_HTTP_ENDPOINT": "localhost:4318",
    "DD_OTLP_CONFIG_RECEIVER_PROTOCOLS_GRPC_ENDPOINT": "localhost:4317",
    "AWS_LWA_LAMBDA_RUNTIME_API_PROXY": "127.0.0.1:9002",
}


@pytest.mark.parametrize("name", MISSED)
def test_whoever_asks_for_what_is_not_there_is_told_so_once(name):
    _, (finding,) = load({name: MISSED[name]}, None)
    assert finding.level == "ERROR"
    assert "this version" in finding.reason


def test_asking_for_what_happens_anyway_is_no_warning(sound):
    assert sound(DD_OTLP_CONFIG_LOGS_ENABLED="false", DD_HTTP_PROTOCOL="http1").otlp_config_logs_enabled is False


def test_both_spellings_of_the_cumulative_setting_are_known(configured):
    for name in ("CUMULATIV", "CUMULATIVE"):
        settings, findings = configured(**{f"DD_OTLP_CONFIG_METRICS_SUMS_INITIAL_{name}_MONOTONIC_VALUE": "drop"})
        assert settings.otlp_config_metrics_sums_initial_cumulative_monotonic_value == "drop"
        assert len(findings) == 1


def test_a_parser_that_fails_costs_its_value_alone(configured, monkeypatch):
    def broken(value, reading):
        raise ZeroDivisionError

    rows = tuple(Setting("env", broken, None, "") if row.name == "env" else row for row in SETTINGS)
    monkeypatch.setattr("reactor.config.load.SETTINGS", rows)
    settings, findings = configured(DD_ENV="prod", DD_SERVICE="orders")
    assert (settings.env, settings.service) == (None, "orders")
    assert [(finding.level, finding.reason) for finding in findings] == [("ERROR", "the parser failed: ZeroDivisionError")]


def test_a_sound_start_loads_only_what_it_needs():
    """Each of these costs the start as much as all settings together, or more."""
    program = (
        "import sys, reactor.config.load as load\n"
        "before = set(sys.modules)\n"
        "load.load({'DD_API_KEY': 'x', 'DD_SITE': 'datadoghq.eu', 'DD_TAGS': 'a:b', 'DD_SERVERLESS_FLUSH_STRATEGY': 'end'}, None)\n"
        "late = {'yaml'} | {f'reactor.config.{name}' for name in ('proxy', 'typos', 'finding', 'yaml_source')}\n"
        "print(sorted(set(sys.modules) - before), sorted(late & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"


def test_the_file_is_read_from_the_task_root(tmp_path):
    env = {"LAMBDA_TASK_ROOT": str(tmp_path)}
    assert load_from_disk(env) == load(env, None)
    (tmp_path / "datadog.yaml").write_text("service: orders")
    assert load_from_disk(env)[0].service == "orders"


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "datadog.yaml").mkdir()
    settings, findings = load_from_disk({"LAMBDA_TASK_ROOT": str(tmp_path), "DD_SERVICE": "orders"})
    assert settings.service == "orders"
    assert lines(findings) == [("ERROR", "datadog.yaml", "environment and defaults")]


def test_a_task_root_that_is_no_path_is_an_error():
    assert [finding.level for finding in load_from_disk({"LAMBDA_TASK_ROOT": "\0"})[1]] == ["ERROR"]
