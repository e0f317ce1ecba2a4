"""The two settings that send less."""

import pytest

from pipelines.logs.sampling import parse_platform_lines, parse_sample


@pytest.mark.parametrize(
    ("text", "kinds", "errors"),
    [
        ("", set(), 0),
        ("start,end,report,init_start", {"start", "end", "report", "init_start"}, 0),
        (" START , ,End", {"start", "end"}, 0),
        ("start,stop", {"start"}, 1),
    ],
)
def test_platform_lines_to_leave_out(text, kinds, errors):
    found, reasons = parse_platform_lines(text)
    assert (found, len(reasons)) == (kinds, errors)


@pytest.mark.parametrize(
    ("text", "shares", "errors"),
    [
        ("", {}, 0),
        ("debug:0.1,info:0.5", {"debug": 0.1, "info": 0.5}, 0),
        (" Debug : 0 , trace:1", {"debug": 0.0, "trace": 1.0}, 0),
        ("debug:0.1,info:1.5,warn:-1,error:x,critical:nan,verbose:0.1,trace", {"debug": 0.1}, 6),
    ],
)
def test_shares_to_keep(text, shares, errors):
    found, reasons = parse_sample(text)
    assert (found, len(reasons)) == (shares, errors)
