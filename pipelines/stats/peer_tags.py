"""What a span says of the other side of its call (specification, stats 2.5)."""

from pipelines.stats.addresses import quantise
from protocols.memo import Memo

# fmt: off
PEER_KEYS = (
    "_dd.base_service", "active_record.db.vendor", "amqp.destination", "amqp.exchange", "amqp.queue", "aws.queue.name", "aws.s3.bucket",
    "bucketname", "cassandra.keyspace", "db.cassandra.contact.points", "db.couchbase.seed.nodes", "db.hostname", "db.instance", "db.name",
    "db.namespace", "db.system", "db.type", "dns.hostname", "grpc.host", "hostname", "http.host", "http.server_name",
    "messaging.destination", "messaging.destination.name", "messaging.kafka.bootstrap.servers", "messaging.rabbitmq.exchange",
    "messaging.system", "mongodb.db", "msmq.queue.path", "net.peer.name", "network.destination.ip", "network.destination.name",
    "out.host", "peer.hostname", "peer.service", "queuename", "rpc.service", "rpc.system", "sequel.db.vendor", "server.address",
    "streamname", "tablename", "topicname",
)
# fmt: on
BASE_SERVICE = "_dd.base_service"
CALLING_KINDS = frozenset({"client", "producer", "consumer"})
TAGS_BYTES_MAX = 512 * 1024

_KEYS = frozenset(PEER_KEYS)


def _tag(pair: tuple[str, str]) -> str:
    key, value = pair
    return f"{key}:{quantise(value)}"


def _weigh(pair: tuple[str, str], tag: str) -> int:
    return 2 * tag.__sizeof__() + pair[1].__sizeof__()


_tags = Memo(_tag, _weigh, TAGS_BYTES_MAX)


def peer_tags(kind: str, meta: dict[str, str]) -> tuple[str, ...]:
    """The tags of a span of this kind (in lower case), in the order of the keys; empty values are left out."""
    if kind in CALLING_KINDS:
        if not (found := _KEYS.intersection(meta)):
            return ()
        # The keys are in alphabetical order.
        return tuple([_tags[key, meta[key]] for key in sorted(found) if meta[key]])
    base = meta.get(BASE_SERVICE)
    return (f"{BASE_SERVICE}:{base}",) if base else ()
