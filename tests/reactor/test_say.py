"""The extension's own log lines (specification, lifecycle 19)."""

import json
import logging
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.say import LINE_BYTES_MAX, Handler, Voice, line


@pytest.fixture
def pipe():
    """A pipe's write end, and a function that reads what was written."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)

    def written():
        try:
            return os.read(read_end, 1_000_000).decode()
        except BlockingIOError:
            return ""

    yield write_end, written
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("hello world", "hello world"),
        ('say "hi"', 'say \\"hi\\"'),
        ("C:\\path", "C:\\\\path"),
        ("a\nb", "a\\nb"),
        ("a\rb", "a\\rb"),
        ("a\tb", "a\\tb"),
        ("\x01\x1f", "\\u0001\\u001F"),
        ("\x00\x0b", "\\u0000\\u000B"),
        ("€ ñ 中 \x7f", "€ ñ 中 \x7f"),
        ("\ud800", "?"),
    ],
)
def test_the_table_of_escapes(text, escaped):
    assert line("INFO", text).decode() == f'{{"status":"INFO","message":"DD_EXTENSION | INFO | {escaped}"}}\n'


@given(st.sampled_from(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]), st.text())
def test_every_line_is_one_json_object_that_says_what_was_said(level, text):
    data = line(level, text)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    expected = text.encode("utf-8", "replace").decode()
    assert json.loads(data) == {"status": level, "message": f"DD_EXTENSION | {level} | {expected[:LINE_BYTES_MAX]}"}


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("error", {"ERROR"}),
        ("warn", {"ERROR", "WARN"}),
        ("info", {"ERROR", "WARN", "INFO"}),
        ("debug", {"ERROR", "WARN", "INFO", "DEBUG"}),
        ("trace", {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"}),
        ("off", {"ERROR", "WARN", "INFO"}),
        ("warning", {"ERROR", "WARN", "INFO"}),
        ("", {"ERROR", "WARN", "INFO"}),
    ],
)
def test_a_level_lets_itself_and_what_is_worse_through(pipe, level, heard):
    voice = Voice(level, pipe[0])
    for each in ("ERROR", "WARN", "INFO", "DEBUG", "TRACE"):
        voice.say(each, "x")
    assert {json.loads(text)["status"] for text in pipe[1]().splitlines()} == heard


def test_plain_lines_pass_at_every_level(pipe):
    Voice("error", pipe[0]).say("PLAIN", "Exiting: spindown, deadline: 1")
    assert pipe[1]() == "Exiting: spindown, deadline: 1\n"


def test_a_closed_output_is_no_reason_to_stop():
    read_end, write_end = os.pipe()
    os.close(write_end)
    os.close(read_end)
    Voice("info", write_end).say("ERROR", "nobody hears this")


def test_the_libraries_lines_come_out_in_our_format(pipe):
    handler = Handler(Voice("debug", pipe[0]))
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL, 35):
        handler.handle(logging.LogRecord("h11", level, __file__, 1, "%s done", ("it is",), None))
    said = [json.loads(text) for text in pipe[1]().splitlines()]
    assert [each["status"] for each in said] == ["DEBUG", "INFO", "WARN", "ERROR", "ERROR", "INFO"]
    assert said[0]["message"] == "DD_EXTENSION | DEBUG | it is done"
