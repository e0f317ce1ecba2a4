import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.config.settings import SETTINGS
from reactor.config.typos import hints, within


def hint(name: str) -> str:
    """What the only hint proposes, or nothing."""
    found = list(hints([name], {}))
    return found[0][1].partition("did you mean ")[2].rstrip("?") if found else ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DD_SERVERLES_FLUSH_STRATEGY", "DD_SERVERLESS_FLUSH_STRATEGY"),
        ("DD_SERVERLESS_FLUSH_STRATGEY", "DD_SERVERLESS_FLUSH_STRATEGY"),
        ("DD_FLUSH_STRATEGY", "DD_SERVERLESS_FLUSH_STRATEGY"),
        ("DD_LAMBDA_ENHANCED_METRICS", "DD_ENHANCED_METRICS"),
        ("DD_APIKEY", "DD_API_KEY"),
        ("DD_API_KEYS", "DD_API_KEY"),
        ("DATADOG_SERVCE", "DATADOG_SERVICE"),
        ("DD_DD_SITE", "DD_SITE"),
        ("DD_DD_API_KEY", "DD_API_KEY"),
        ("dd_taggs", "DD_TAGS"),
        ("DD_CAPTURE_LAMBDA_PAYLOADS", "DD_CAPTURE_LAMBDA_PAYLOAD"),
    ],
)
def test_a_name_close_to_a_setting_gets_a_hint(name, meant):
    assert hint(name) == meant


@pytest.mark.parametrize(
    "name",
    [
        *("DD_TRACE_ENABLED", "DD_TRACE_SAMPLE_RATE", "DD_TRACE_PROPAGATION_STYLE_INJECT", "DD_PROFILING_ENABLED", "DD_APPSEC_ENABLED"),
        *("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "DD_REMOTE_CONFIG_ENABLED", "DD_LLMOBS_ENABLED", "DD_EXTENSION_VERSION"),
        *("DD_LAMBDA_HANDLER", "DD_FLUSH_TO_LOG", "DD_MERGE_XRAY_TRACES", "DD_LOGS_INJECTION", "DD_RUNTIME_METRICS_ENABLED"),
        *("DD_CIVISIBILITY_ENABLED", "DD_JMXFETCH_ENABLED", "DD_DOTNET_TRACER_HOME", "DD_LOCAL_TEST", "DD_AGENT_HOST", "DD_DOGSTATSD_URL"),
        *("DD_SOMETHING_OF_MY_OWN", "DD_", "DATADOG_", "DD_X"),
    ],
)
def test_names_of_others_are_left_in_peace(name):
    assert hint(name) == ""


def test_variables_without_a_prefix_are_never_looked_at(sound):
    sound(SITE="x", API_KEY="x", SERVERLES_FLUSH_STRATEGY="end")


def test_known_names_are_no_typos(configured):
    for row in SETTINGS:
        for name in row.env:
            _, findings = configured(**{f"DD_{name}": "1"})
            assert not any("did you mean" in finding.reason for finding in findings), name


def test_a_typo_is_one_warning_that_does_not_show_the_value(configured):
    _, findings = configured(DD_API_KEYS="topsecret")
    assert [(finding.level, finding.line()) for finding in findings] == [
        ("WARN", "DD_API_KEYS: no setting has this name; did you mean DD_API_KEY?")
    ]


def test_keys_of_the_file_get_hints_too(configured):
    _, findings = configured("sitte: x\nlogs_enabled: true\nsome_other_agent_setting: 1\n")
    assert [finding.source for finding in findings] == ["datadog.yaml sitte"]


def test_only_so_many_names_are_looked_at():
    assert len(list(hints([f"DD_API_KEY{n}" for n in range(10)] + [f"DD_API_KEYS_{n}" for n in range(500)], {}))) <= 20


@pytest.mark.parametrize(
    ("a", "b", "edits"),
    [
        ("abc", "abc", 0),
        ("abc", "abd", 1),
        ("abc", "acb", 1),
        ("abc", "ab", 1),
        ("abc", "xabc", 1),
        ("abcd", "bcda", 2),
        ("abc", "xyz", 3),
        ("", "ab", 2),
    ],
)
def test_the_distance_of_two_names(a, b, edits):
    assert within(a, b, edits)
    assert within(b, a, edits)
    assert edits == 0 or not within(a, b, edits - 1)


@given(name=st.text("ABC_", min_size=1, max_size=12), at=st.integers(0, 11), letter=st.sampled_from("ABC_X"))
def test_one_changed_letter_is_one_edit(name, at, letter):
    at %= len(name)
    assert within(name, name[:at] + letter + name[at + 1 :], 1)
    assert within(name, name[:at] + name[at + 1 :], 1)
    assert within(name, name[:at] + letter + name[at:], 1)
