"""What a span says of the other side, by its kind."""

import pytest

from pipelines.stats.peer_tags import PEER_KEYS, TAGS_BYTES_MAX, _tags, peer_tags


@pytest.mark.parametrize(
    ("kind", "meta", "tags"),
    [
        ("client", {"db.system": "postgres", "region": "us1", "db.instance": "i-1234"}, ("db.instance:i-1234", "db.system:postgres")),
        (
            "producer",
            {"db.system": "dynamodb", "db.instance": "dynamo.test.us1", "aws.s3.bucket": "bucket-a"},
            ("aws.s3.bucket:bucket-a", "db.instance:dynamo.test.us1", "db.system:dynamodb"),
        ),
        ("consumer", {"messaging.destination": "q"}, ("messaging.destination:q",)),
        ("server", {"aws.s3.bucket": "bucket-a"}, ()),
        ("internal", {"aws.s3.bucket": "bucket-a"}, ()),
        ("", {"_dd.base_service": "original-service"}, ("_dd.base_service:original-service",)),
        ("server", {"_dd.base_service": "10.1.2.3"}, ("_dd.base_service:10.1.2.3",)),
        ("client", {"_dd.base_service": "b", "out.host": "h"}, ("_dd.base_service:b", "out.host:h")),
        ("client", {"peer.hostname": "10.1.2.3"}, ("peer.hostname:blocked-ip-address",)),
        ("client", {"peer.hostname": "", "out.host": "h"}, ("out.host:h",)),
        ("", {"_dd.base_service": ""}, ()),
        ("client", {}, ()),
        ("Client", {"out.host": "h"}, ()),  # the caller puts the kind into lower case
    ],
)
def test_peer_tags_depend_on_the_kind(kind, meta, tags):
    assert peer_tags(kind, meta) == tags


def test_every_key_is_a_peer_tag_and_they_come_in_the_order_of_the_list():
    assert len(PEER_KEYS) == len(set(PEER_KEYS)) == 43
    assert peer_tags("client", dict.fromkeys(reversed(PEER_KEYS), "v")) == tuple(f"{key}:v" for key in PEER_KEYS)


def test_remembered_tags_are_bounded():
    for number in range(5000):
        assert peer_tags("client", {"out.host": f"host-{number}"}) == (f"out.host:host-{number}",)
    assert _tags.bytes <= TAGS_BYTES_MAX
    assert peer_tags("client", {"out.host": "h" * TAGS_BYTES_MAX}) == ("out.host:" + "h" * TAGS_BYTES_MAX,)
