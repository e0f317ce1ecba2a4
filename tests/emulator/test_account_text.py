"""The account as text and as JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from emulator.account import Account, Endpoint, LogLine, Metric, Span
from emulator.account_text import as_document, as_json, render
from emulator.verdict import Verdict

ACCOUNT = Account(
    metrics=(
        Metric("count", "hits", ("env:prod", "zone:a"), 15.0, 2),
        Metric("sketch", "latency", ("env:prod",), 2.5, 5, -4.0, 3.5),
    ),
    logs=(LogLine("first\nsecond", "info", "r1", (), 1), LogLine("orphan", "warn", None, (), 2)),
    spans=(Span("shop", "aws.lambda", "f", "", 1, 2, 0, 1_500_000, 1, ()),),
    endpoints=(Endpoint("/api/v2/logs", 2, 943),),
    duplicates=("log came 2 times: x",),
)
TEXT = """\
requests
  endpoint      requests  bytes
  /api/v2/logs  2         943

tags of every metric
  env:prod

tags 1: besides
  zone:a

metrics
  kind    metric   points  value or sum  min  max  tags
  count   hits     2       15                      1
  sketch  latency  5       2.5           -4   3.5

logs
  request  status  message
  r1       info    first\\nsecond
  -        warn    orphan

spans
  service  name        ms   error  resource
  shop     aws.lambda  1.5  1      f

duplicates
  - log came 2 times: x

problems: none

missing
  - count orders: nothing came

wrong: none

unexpected: none

verdict: NOT good
"""


def test_the_text_is_aligned_and_says_everything_once():
    assert render(ACCOUNT, Verdict(missing=("count orders: nothing came",))) == TEXT


def test_an_empty_account_says_so():
    assert render(Account(), Verdict()).splitlines()[::2][:3] == ["requests: none", "tags of every metric: none", "metrics: none"]
    assert render(Account(), Verdict()).endswith("verdict: good\n")


def test_a_long_sentence_goes_on_in_the_next_line():
    sentence = "x" * 300
    lines = [line for line in render(Account(problems=(sentence,))).splitlines() if "x" in line]
    assert len(lines) == 3
    assert "".join(line[4:] for line in lines) == sentence


WORDS = st.text(max_size=150)


@given(
    st.lists(
        st.builds(
            Metric, st.sampled_from(["count", "sketch"]), WORDS, st.lists(WORDS, max_size=3).map(tuple), st.floats(), st.integers(0, 10**12)
        ),
        max_size=4,
    ),
    st.lists(st.builds(LogLine, WORDS, WORDS, st.none() | WORDS, st.just(()), st.just(1)), max_size=4),
    st.lists(WORDS, max_size=3).map(tuple),
)
def test_no_line_is_wider_than_120_columns_whatever_arrived(metrics, logs, sentences):
    account = Account(metrics=tuple(metrics), logs=tuple(logs), duplicates=sentences)
    lines = render(account, Verdict(wrong=sentences)).splitlines()
    assert max(map(len, lines)) <= 120
    assert all(line.isprintable() for line in lines)


def test_the_json_form_holds_the_same():
    assert as_document(ACCOUNT, Verdict())["verdict"] == {"missing": (), "wrong": (), "unexpected": (), "good": True}
    assert json.loads(as_json(ACCOUNT))["metrics"][0]["value"] == 15.0
