"""Span pointers, row by row (specification, triggers 7)."""

import json

import pytest

from pipelines.triggers.model import Pointer
from pipelines.triggers.pointers import SPAN_LINKS, attach_pointers, pointer_hash

ONE, TWO = Pointer("aws.s3.object", "1" * 32), Pointer("aws.dynamodb.item", "2" * 32)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["some-bucket", "some-key.data", "ab12ef34"], "e721375466d4116ab551213fdea08413"),
        (["some-bucket", "some-key.你好", "ab12ef34"], "d1333a04b9928ab462b5c6cadfa401f4"),
        (["some-bucket", "some-key.data", "ab12ef34-5"], "2b90dffc37ebc7bc610152c3dc72af9f"),
    ],
)
def test_the_hash_is_what_the_writer_makes_of_the_same_parts(parts, expected):
    assert pointer_hash(parts) == expected


def test_a_lone_surrogate_is_hashed_too():
    assert pointer_hash(["a", "\ud800"]) == pointer_hash(["a", "?"])


def a_link(pointer):
    attributes = {"link.kind": "span-pointer", "ptr.dir": "u", "ptr.hash": pointer.hash, "ptr.kind": pointer.kind}
    return {"trace_id": 0, "trace_id_high": 0, "span_id": 0, "attributes": attributes, "tracestate": "", "flags": 0}


def test_two_pointers_are_two_links_in_order():
    span = {"meta": {}}
    attach_pointers(span, [ONE, TWO])
    assert json.loads(span["meta"][SPAN_LINKS]) == [a_link(ONE), a_link(TWO)]
    assert " " not in span["meta"][SPAN_LINKS]


def test_no_pointers_leave_the_span_as_it_is():
    span = {"meta": {}}
    attach_pointers(span, [])
    assert span == {"meta": {}}


def test_links_that_were_there_stay_in_front():
    old = {"attributes": {"ptr.dir": "d"}}
    span = {"meta": {SPAN_LINKS: json.dumps([old])}}
    attach_pointers(span, [ONE])
    assert json.loads(span["meta"][SPAN_LINKS]) == [old, a_link(ONE)]


@pytest.mark.parametrize("before", ["", "{", "{}", "7", "[" * 100_000])
def test_what_is_no_list_of_links_is_replaced(before):
    span = {"meta": {SPAN_LINKS: before}}
    attach_pointers(span, [ONE])
    assert json.loads(span["meta"][SPAN_LINKS]) == [a_link(ONE)]
