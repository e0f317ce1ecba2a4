"""What obfuscation costs: microseconds per span, against `json.loads` of the same text in quotes.

Run it as `python -m bench.obfuscate`. Each figure is the best of several rounds. What is seen for the first time is told apart from what
is remembered: a function sends the same few queries and URLs again and again, and most drivers leave the values out of them.
"""

import json
import time
from collections.abc import Callable

from bench.table import Row, show
from pipelines.traces.obfuscate.obfuscator import ObfuscationSettings, make_obfuscator
from pipelines.traces.obfuscate.redis import quantise
from pipelines.traces.obfuscate.sql import obfuscate_sql
from pipelines.traces.obfuscate.url import obfuscate_url

TIMES = 200
ROUNDS = 20
QUERY = (
    "SELECT id, name, price, created_at FROM orders WHERE customer_id = 4711 AND status IN ('open', 'paid', 'sent')"
    " ORDER BY created_at DESC LIMIT 20"
)
QUOTED = (
    'SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login" FROM "auth_user"'
    ' WHERE ("auth_user"."username" = %s AND "auth_user"."is_active") LIMIT 21'
)
VALUES = "INSERT INTO lines (id, text, at) VALUES " + ", ".join(f"({number}, 'text {number}', NULL)" for number in range(100))
URL = "https://name:word@api.example.com/v1/customers/4711/orders?limit=20&after=0815#top"
COMMAND = "SET customer:4711 value EX 60"


def best_us(work: Callable[[], object], times: int) -> float:
    """The shortest round, in microseconds of CPU per call."""
    shortest = float("inf")
    for _ in range(ROUNDS):
        start_ns = time.process_time_ns()
        for _ in range(times):
            work()
        shortest = min(shortest, time.process_time_ns() - start_ns)
    return shortest / 1000 / times


def row(name: str, text: str, work: Callable[[], object], times: int = TIMES) -> Row:
    quoted = json.dumps(text)
    json_us, figure_us = best_us(lambda: json.loads(quoted), times), best_us(work, times)
    return Row(f"obfuscate: {name}", figure_us, "us", f"json.loads {json_us:.2f} us", figure_us / json_us)


def spans(kind: str, resource: str, **meta: str) -> Callable[[], None]:
    """Obfuscates a new span of the same texts each time, as a warm function does."""
    obfuscate = make_obfuscator(ObfuscationSettings())

    def work() -> None:
        obfuscate({"type": kind, "resource": resource, "meta": dict(meta)})

    return work


def rows() -> list[Row]:
    return [
        row("a query, first time", QUERY, lambda: obfuscate_sql(QUERY)),
        row("a query with quoted names, first time", QUOTED, lambda: obfuscate_sql(QUOTED, "postgresql")),
        row("an insert of 100 rows, first time", VALUES, lambda: obfuscate_sql(VALUES), times=10),
        row("a URL, first time", URL, lambda: obfuscate_url(URL)),
        row("a Redis command", COMMAND, lambda: quantise(COMMAND)),
        row("a span with a known query", QUERY, spans("sql", QUERY, **{"db.type": "mysql"})),
        row("a span with a known URL", URL, spans("http", "GET", **{"http.url": URL})),
        row("a span of another type", "GET", spans("custom", "GET")),
    ]


if __name__ == "__main__":
    show(rows())
