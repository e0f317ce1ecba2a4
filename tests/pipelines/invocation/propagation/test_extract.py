"""The rows of the specification (invocation 8), and that nothing a carrier holds makes a style raise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.invocation.propagation.carrier import fold
from pipelines.invocation.propagation.extract import STYLES, PropagationSettings, Propagator

BOTH = ("datadog", "tracecontext")
LONG = "00-80f198ee56343ba864fe8b2a57d3eff7-00f067aa0ba902b7-"
LONG_ID, LONG_SPAN = 171395628812617415352188477958425669623, 67667974448284343
TID = "80f198ee56343ba8"


def read(carrier, styles=BOTH, **settings):
    return Propagator(PropagationSettings(styles, **settings)).extract(fold(carrier))


def dd(trace="1234", parent="5678", priority="1", tags=None, **more):
    carrier = {"x-datadog-trace-id": trace, "x-datadog-parent-id": parent, "x-datadog-sampling-priority": priority}
    return {name: value for name, value in (carrier | {"x-datadog-tags": tags} | more).items() if value is not None}


def w3c(parent, state=None):
    return {"traceparent": parent} | ({} if state is None else {"tracestate": state})


def test_a_full_datadog_carrier():
    context = read(dd(tags="_dd.p.test=value,_dd.p.tid=0000000000004321,any=tag", **{"x-datadog-origin": "synthetics"}), ("datadog",))
    assert (context.trace_id, context.span_id) == (317007296906698644522194, 5678)
    assert (context.priority, context.origin) == (1, "synthetics")
    assert context.tags == {"_dd.p.test": "value", "_dd.p.tid": "0000000000004321"}


@pytest.mark.parametrize("tid", ["4321", "123567890", "00000000000043211", "zzzzzzzzzzzzzzzz", ""])
def test_an_upper_half_of_another_length_is_left_out_and_said(tid):
    context = read(dd(tags=f"_dd.p.tid={tid},_dd.p.dm=-1"), ("datadog",))
    assert context.trace_id == 1234
    assert context.tags == {"_dd.p.dm": "-1", "_dd.propagation_error": f"malformed_tid {tid}"}


@pytest.mark.parametrize("mechanism", ["1", "x", "-129", "", "--1", "-1.0"])
def test_a_sampling_mechanism_that_is_none_is_left_out_and_said(mechanism):
    assert read(dd(tags=f"_dd.p.dm={mechanism}"), ("datadog",)).tags == {"_dd.propagation_error": "decoding_error"}


def test_tags_over_the_limit_leave_only_the_error():
    tags = "_dd.p.a=" + "b" * 505
    assert read(dd(tags=tags[:512]), ("datadog",)).tags == {"_dd.p.a": "b" * 504}
    assert read(dd(tags=tags[:513]), ("datadog",)).tags == {"_dd.propagation_error": "extract_max_size"}


def test_a_value_may_hold_an_equals_sign():
    assert read(dd(tags="_dd.p.usr.id=baz64=="), ("datadog",)).tags == {"_dd.p.usr.id": "baz64=="}


@pytest.mark.parametrize("priority", ["incorrect", None, "128", "-129", "1.0", "+", "-", " 1", "1_0"])
def test_a_priority_that_is_none(priority):
    assert read(dd(priority=priority), ("datadog",)).priority is None


@pytest.mark.parametrize(("text", "priority"), [("-128", -128), ("127", 127), ("-1", -1), ("+2", 2)])
def test_a_priority_is_a_signed_byte(text, priority):
    assert read(dd(priority=text), ("datadog",)).priority == priority


def test_a_parent_that_is_no_number_is_none():
    context = read(dd("13088165645273925489", "parent_id", "sample"), ("datadog",))
    assert (context.trace_id, context.span_id, context.priority) == (13088165645273925489, 0, None)


@pytest.mark.parametrize("trace", ["-1", "0", "", "x", "18446744073709551616", "1" * 300, "１２"])
def test_a_trace_id_that_is_none(trace):
    assert read(dd(trace), ("datadog",)) is None


@pytest.mark.parametrize("styles", [("tracecontext",), ("none",), ("baggage",), ()])
def test_styles_that_do_not_read_the_headers_of_datadog(styles):
    assert read(dd(), styles) is None


def test_names_are_read_in_any_case_and_numbers_as_text():
    context = read({"X-Datadog-Trace-Id": 1234, "X-DATADOG-parent-id": "5678", "x-datadog-tags": None, "X-Other": [1]}, BOTH)
    assert (context.trace_id, context.span_id) == (1234, 5678)


# --- tracecontext -------------------------------------------------------------------------------------------------------------


def test_a_full_tracecontext_carrier():
    context = read(w3c(LONG + "01", "dd=p:00f067aa0ba902b7;s:2;o:rum"), ("tracecontext",))
    assert (context.trace_id, context.span_id, context.priority, context.origin) == (LONG_ID, LONG_SPAN, 2, "rum")
    assert context.tags == {
        "traceparent": LONG + "01",
        "tracestate": "dd=p:00f067aa0ba902b7;s:2;o:rum",
        "_dd.parent_id": "00f067aa0ba902b7",
        "_dd.p.tid": TID,
    }


@pytest.mark.parametrize(
    ("flags", "state", "priority", "mechanism"),
    [
        ("01", "dd=p:00f067aa0ba902b7;o:rum", 1, "-0"),
        ("01", "dd=s:0;o:rum", 1, "-0"),
        ("00", "dd=p:00f067aa0ba902b7;o:rum;t.dm:-4", 0, None),
        ("00", "dd=s:1;t.dm:-4", 0, None),
        ("00", "dd=s:-1;t.dm:-4", -1, "-4"),
        ("01", "dd=s:2;t.dm:-4", 2, "-4"),
    ],
)
def test_the_flag_decides_where_the_priority_disagrees(flags, state, priority, mechanism):
    context = read(w3c(LONG + flags, state), ("tracecontext",))
    assert context.priority == priority
    assert context.tags.get("_dd.p.dm") == mechanism


def test_without_a_state_the_flag_is_the_priority_and_no_mechanism_is_made_up():
    context = read(w3c(LONG + "01"), ("tracecontext",))
    assert context.priority == 1
    assert context.tags == {"traceparent": LONG + "01", "_dd.p.tid": TID}


@pytest.mark.parametrize(
    "parent",
    [
        LONG + "1x",
        LONG + "04",
        LONG + "01-more",
        "ff" + LONG[2:] + "01",
        LONG.replace("80f1", "80F1") + "01",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-80f198ee56343ba864fe8b2a57d3eff7-" + "0" * 16 + "-01",
        LONG + "1",
        "",
        "-" * 60,
    ],
)
def test_a_traceparent_that_is_none(parent):
    assert read(w3c(parent), ("tracecontext",)) is None


@pytest.mark.parametrize(("flags", "priority"), [("00", 0), ("01", 1), ("02", 0), ("03", 1)])
def test_the_two_flags_of_version_00(flags, priority):
    assert read(w3c(LONG + flags), ("tracecontext",)).priority == priority


def test_versions_to_come_may_say_more():
    context = read(w3c("01" + LONG[2:] + "02-what-comes", "dd=s:incorrect"), ("tracecontext",))
    assert (context.trace_id, context.priority) == (LONG_ID, 0)
    assert read(w3c(f" {LONG}01\t"), ("tracecontext",)).trace_id == LONG_ID


def test_other_members_of_the_state_are_kept_verbatim():
    state = "dd= \t p:00f067aa0ba902b7;s:1,foo=1,bar= \t 2"
    context = read(w3c(LONG + "01", state), ("tracecontext",))
    assert (context.priority, context.tags["tracestate"], context.tags["_dd.parent_id"]) == (1, state, "00f067aa0ba902b7")


@pytest.mark.parametrize("state", ["foo=1,2", "foo=1,,,", "foo=1,bar=2=2", "föö=ï,bar=2", "foo=", "Foo=1", "foo=" + "a" * 257, "_f=1"])
def test_one_malformed_member_voids_the_state(state):
    assert "tracestate" not in read(w3c(LONG + "01", state), ("tracecontext",)).tags


@pytest.mark.parametrize("state", ["foo=1,=2,=4", "foo=öï,bar=2", "a=1, b=2", "foo=" + "a" * 256, ",".join(f"k{i}=1" for i in range(40))])
def test_members_that_are_odd_and_accepted(state):
    assert read(w3c(LONG + "01", state), ("tracecontext",)).tags["tracestate"] == state


def test_items_that_cannot_be_printed_are_left_out():
    assert read(w3c(LONG + "01", "dd=\t  o:valid;;s:1; \t"), ("tracecontext",)).origin == "valid"


def test_a_tilde_stands_for_an_equals_sign():
    context = read(w3c(LONG + "01", "dd=s:1;t.usr.id:YQ~~;o:a~b"), ("tracecontext",))
    assert (context.tags["_dd.p.usr.id"], context.origin) == ("YQ==", "a=b")


# --- several ------------------------------------------------------------------------------------------------------------------


def test_the_span_of_the_w3c_headers_is_the_nearer_parent():
    context = read(
        dd("9291375655657946024", "15", None) | w3c("00-000000000000000080f198ee56343ba8-000000000000000a-01"),
    )
    assert (context.trace_id, context.span_id, context.priority) == (9291375655657946024, 10, None)
    assert context.tags == {"_dd.parent_id": "000000000000000f"}


def test_the_state_is_taken_over_from_the_w3c_headers():
    state = "dd=s:2;o:rum;t.dm:-4;t.usr.id:baz64,congo=t61rcWkgMzE"
    parent = f"00-{7277407061855694839:032x}-00f067aa0ba902b7-01"
    context = read(dd("7277407061855694839") | w3c(parent, state))
    assert (context.span_id, context.priority) == (LONG_SPAN, 1)
    assert context.tags == {"_dd.parent_id": "000000000000162e", "tracestate": state}


def test_a_parent_that_the_state_names_is_preferred():
    parent = f"00-{1234:032x}-00f067aa0ba902b7-01"
    assert read(dd() | w3c(parent, "dd=p:00000000000000aa")).tags["_dd.parent_id"] == "00000000000000aa"


def test_another_trace_is_a_link_and_changes_nothing_else():
    context = read(dd("7277407061855694839", tags="_dd.p.dm=-4") | w3c(LONG + "01", "dd=s:2;p:1"))
    assert (context.span_id, context.priority, context.tags) == (5678, 1, {"_dd.p.dm": "-4"})
    assert [(link.trace_id, link.span_id, link.is_kept) for link in context.links] == [(LONG_ID, LONG_SPAN, True)]


def test_the_order_of_the_styles_decides_which_is_first():
    context = read(dd("7277407061855694839") | w3c(LONG + "01"), ("tracecontext", "datadog"))
    assert (context.trace_id, context.span_id) == (LONG_ID, LONG_SPAN)
    assert [link.trace_id for link in context.links] == [7277407061855694839]


def test_the_first_style_alone():
    assert read(w3c(LONG + "01"), BOTH, first_only=True) is None
    assert read(dd() | w3c(LONG + "01"), BOTH, first_only=True).links == ()


def test_a_header_that_only_says_whether_to_sample_is_not_preferred_to_a_trace():
    assert read({"b3": "0"} | dd(), ("b3", "datadog")).trace_id == 1234
    assert read({"b3": "0"}, ("b3", "datadog")).priority == 0


# --- b3 -----------------------------------------------------------------------------------------------------------------------

B3 = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1"


@pytest.mark.parametrize(
    ("header", "priority"),
    [(B3 + "-1", 1), (B3, None), (B3 + "-0", 0), (B3 + "-d", 2), (B3 + "-0-00f067aa0ba902b7", 0), (B3 + "-xyz", None)],
)
def test_b3_in_one_header(header, priority):
    context = read({"b3": header}, ("b3",))
    assert (context.trace_id, context.span_id, context.priority) == (LONG_ID, 0xE457B5A2E4D86BD1, priority)
    assert context.tags == {"_dd.p.tid": TID}


@pytest.mark.parametrize("header", ["nothex-1-1", "1-" + "1" * 17 + "-1", "0-1-1", "xyz", "", "1" * 33 + "-1", "--", "+1-1"])
def test_b3_that_is_none(header):
    assert read({"b3": header}, ("b3",)) is None


@pytest.mark.parametrize(("header", "priority"), [("0", 0), ("1", 1), ("d", 2)])
def test_b3_that_only_says_whether_to_sample(header, priority):
    context = read({"b3": header}, ("b3",))
    assert (context.trace_id, context.span_id, context.priority, context.is_traced) == (0, 0, priority, False)


@pytest.mark.parametrize(
    ("more", "priority"),
    [
        ({}, None),
        ({"X-B3-Sampled": "1"}, 1),
        ({"X-B3-Sampled": "0"}, 0),
        ({"X-B3-Flags": "1", "X-B3-Sampled": "0"}, 2),
        ({"X-B3-Sampled": "d"}, None),
    ],
)
def test_b3_in_several_headers(more, priority):
    context = read({"X-B3-TraceId": B3[:32], "X-B3-SpanId": B3[33:]} | more, ("b3multi",))
    assert (context.trace_id, context.span_id, context.priority) == (LONG_ID, 0xE457B5A2E4D86BD1, priority)


def test_b3_with_64_bits_and_without_a_span():
    context = read({"x-b3-traceid": "64fe8b2a57d3eff7"}, ("b3multi",))
    assert (context.trace_id, context.span_id, context.tags) == (0x64FE8B2A57D3EFF7, 0, {})


# --- baggage ------------------------------------------------------------------------------------------------------------------


def test_baggage_headers_become_tags_where_wanted():
    carrier = dd() | {"ot-baggage-key1": "value1", "OT-Baggage-Key2": "value2"}
    assert read(carrier).tags == {}
    assert read(carrier, has_baggage_tags=True).tags == {"key1": "value1", "key2": "value2"}
    assert read({"ot-baggage-key1": "value1"}, has_baggage_tags=True) is None


def test_the_w3c_baggage_is_kept_with_its_style():
    carrier = dd() | {"baggage": "user.id=a%20b,other=1;meta=2"}
    context = read(carrier, (*BOTH, "baggage"))
    assert context.baggage == "user.id=a%20b,other=1;meta=2"
    assert context.tags == {"baggage.user.id": "a b"}
    assert read(carrier).baggage == ""


@pytest.mark.parametrize("header", ["user.id", "user.id=1,", "=1", "user.id=1,,a=2", "a=" + "1" * 9000])
def test_malformed_baggage_makes_no_tags(header):
    assert read(dd() | {"baggage": header}, (*BOTH, "baggage")).tags == {}


# --- any carrier --------------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        "x-datadog-trace-id",
        "x-datadog-parent-id",
        "x-datadog-sampling-priority",
        "x-datadog-origin",
        "x-datadog-tags",
        "traceparent",
        "tracestate",
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-sampled",
        "x-b3-flags",
        "baggage",
        "ot-baggage-a",
    ]
)
PIECES = st.lists(
    st.sampled_from(
        ["00", "01", "-", "=", ",", ";", ":", "dd", "s", "t.dm", "_dd.p.tid", "_dd.p.dm", "1" * 16, "f" * 32, " ", "~", "\x00", "é", "%"]
    ),
    max_size=12,
).map("".join)
VALUES = st.one_of(st.text(max_size=80), PIECES, st.integers(), st.none(), st.lists(st.text(max_size=3), max_size=2), st.floats())


@given(st.dictionaries(NAMES | st.text(max_size=5), VALUES), st.permutations([*STYLES, "baggage"]), st.booleans())
def test_no_carrier_makes_a_style_raise_and_ids_fit(carrier, styles, first_only):
    context = read(carrier, tuple(styles), first_only=first_only, has_baggage_tags=True)
    if context is not None:
        assert 0 <= context.trace_id < 1 << 128
        assert 0 <= context.span_id < 1 << 64
        assert all(type(key) is str and type(value) is str for key, value in context.tags.items())


@given(st.one_of(st.none(), st.text(), st.lists(st.integers()), st.dictionaries(st.text(), st.integers())))
def test_any_json_value_can_be_asked_for_a_carrier(value):
    assert all(type(text) is str for text in fold(value).values())
