import pytest

from pipelines.triggers.detect import SOURCES
from pipelines.triggers.response import PLACES, is_server_error, read_status, set_status


@pytest.mark.parametrize(
    ("source", "answer", "expected"),
    [
        ("http_api", {"statusCode": 200}, 200),
        ("rest_api", {"statusCode": "503"}, 503),
        ("rest_api", {"statusCode": 404.0}, 404),
        ("", {"statusCode": 201}, 201),
        ("bedrock_agent", {"messageVersion": "1.0", "response": {"httpStatusCode": 200, "actionGroup": "a"}}, 200),
        ("bedrock_agent", {"statusCode": 500}, 500),
        ("cloudfront", {"status": "302"}, 302),
        ("cloudfront", {"uri": "/"}, None),
        ("http_api", {"status": 200}, None),
        ("http_api", {"statusCode": 99}, None),
        ("http_api", {"statusCode": 600}, None),
        ("http_api", {"statusCode": True}, None),
        ("http_api", {"statusCode": "٢٠٠"}, None),
        ("http_api", {"statusCode": "2000"}, None),
        ("http_api", {"statusCode": 200.5}, None),
        ("http_api", {"statusCode": None}, None),
        ("http_api", {"statusCode": float("nan")}, None),
        ("http_api", {"statusCode": [200]}, None),
        ("http_api", [], None),
        ("http_api", "statusCode", None),
        ("http_api", None, None),
    ],
)
def test_the_status_is_where_the_source_expects_it(source, answer, expected):
    assert read_status(source, answer) == expected


def test_special_places_are_of_sources_that_exist():
    assert set(PLACES) <= {name for name, _ in SOURCES}


@pytest.mark.parametrize(("status", "expected"), [(499, False), (500, True), (599, True)])
def test_only_the_servers_own_errors_are_errors(status, expected):
    assert is_server_error(status) is expected


def test_the_status_stands_on_the_span_that_is_answered_alone(inferred):
    found = inferred("sns_sqs_event")
    set_status(found, 200)
    assert [span["meta"].get("http.status_code") for span in found.spans] == ["200", None]


def test_without_a_span_the_status_has_no_place(inferred):
    set_status(inferred("step_function_event"), 200)
