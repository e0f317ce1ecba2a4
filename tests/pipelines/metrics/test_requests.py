"""One count per request, remembered within bounds (specification, metrics 7.5)."""

import pytest

from pipelines.metrics.procfs import Snapshot
from pipelines.metrics.requests import CLOSED_MAX, REQUESTS_MAX, Requests


def opened(*request_ids):
    requests = Requests()
    for request_id in request_ids:
        requests.open(request_id, None)
    return requests


def test_each_counter_counts_once_per_request():
    requests = opened("a", "b")
    asked = [requests.count(name, request_id) for name in ("errors", "timeouts", "errors") for request_id in ("a", "b")]
    assert asked == [True] * 4 + [False] * 2


def test_without_an_id_the_single_running_request_is_meant():
    requests = opened("a")
    assert [requests.count("errors", request_id) for request_id in ("", "a", "")] == [True, False, False]


@pytest.mark.parametrize("running", [(), ("a", "b")])
def test_without_a_single_running_request_it_is_counted_rather_than_lost(running):
    requests = opened(*running)
    assert [requests.count("errors", "") for _ in range(2)] == [True, True]


def test_what_was_counted_is_remembered_for_the_last_closed_requests_only():
    requests = Requests()
    for number in range(CLOSED_MAX + 1):
        requests.open(str(number), None)
        requests.count("errors", str(number))
        requests.close(str(number))
    assert [requests.count("errors", request_id) for request_id in ("1", str(CLOSED_MAX), "0")] == [False, False, True]


def test_a_request_that_was_never_open_has_its_one_count_too():
    requests = Requests()
    assert [requests.count("errors", "x") for _ in range(2)] == [True, False]


def test_what_was_counted_before_the_request_began_counts_for_it():
    """A library's end call may be read before the event that begins the invocation."""
    requests = Requests()
    requests.count("errors", "a")
    requests.open("a", None)
    assert [requests.count(name, "a") for name in ("errors", "timeouts")] == [False, True]


def test_a_request_that_is_tried_again_has_a_count_of_its_own():
    requests = opened("a")
    requests.count("errors", "a")
    requests.close("a")
    requests.open("a", None)
    assert requests.count("errors", "a")


def test_of_requests_that_never_began_only_the_last_are_remembered():
    requests = Requests()
    for number in range(CLOSED_MAX + 1):
        requests.count("errors", str(number))
    assert [requests.count("errors", request_id) for request_id in ("1", str(CLOSED_MAX), "0")] == [False, False, True]


def test_the_oldest_request_is_forgotten_when_there_are_too_many():
    requests = opened(*map(str, range(REQUESTS_MAX + 3)))
    assert (len(requests), requests.evicted, requests.get("2"), requests.get("3") is not None) == (REQUESTS_MAX, 3, None, True)


def test_a_repeated_start_changes_nothing():
    requests = opened("a")
    requests.count("errors", "a")
    requests.open("a", Snapshot(uptime_ms=1))
    assert (requests.get("a").start, requests.count("errors", "a")) == (None, False)


def test_closing_what_is_not_open_does_nothing():
    requests = opened("a")
    requests.close("b")
    assert len(requests) == 1
