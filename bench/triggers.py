"""What an event costs: its JSON decoded bare, against decoded and inferred from. Run it as `python -m bench.triggers`.

The small events are what functions get; the large ones are as large as Lambda allows, some of them made to be dear.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.table import Row, show
from pipelines.triggers.budget import INNER_VALUES_MAX
from pipelines.triggers.infer import infer
from pipelines.triggers.model import TriggerSettings

EVENTS = Path(__file__).resolve().parent.parent / "fixtures" / "trigger_events"
SMALL, LARGE = 500, 5
"""How often each is measured; the figure is the median."""
SETTINGS = TriggerSettings()
GOAL = "at most 1.3 x"


def sample(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def an_api_call_of_10_kb() -> Any:
    return sample("api_gateway_proxy_event") | {"body": "x" * 7_000}


def a_queue_with_one_text_of_6_mb() -> Any:
    event = sample("sqs_event")
    event["Records"][0]["body"] = '{"text":"' + "x" * 6_000_000 + '"}'
    return event


def a_queue_of_topics_of_6_mb() -> Any:
    return {"Records": sample("sns_sqs_event")["Records"] * 2_500}


def a_stream_of_6_mb() -> Any:
    return {"Records": sample("kinesis_event")["Records"] * 7_000}


def kafka_with_headers_of_6_mb() -> Any:
    event = sample("msk_event_with_headers")
    event["records"] = {"topic": [event["records"]["demo-topic-0"]["0"]] * 3_000}
    return event


def an_api_call_with_headers_of_5_mb() -> Any:
    return sample("api_gateway_proxy_event") | {"headers": {f"h{number}": "v" * 20 for number in range(150_000)}}


def a_queue_of_dense_json_of_6_mb() -> Any:
    """As many values in the bodies' own JSON as are parsed, and bodies of more, which are not."""
    event = sample("sqs_event")
    bodies = ["[]," * (INNER_VALUES_MAX // 2 - 10), *["[]," * 40_000] * 10, "1," * 2_400_000]
    event["Records"] = [{**event["Records"][0], "body": f'{{"TopicArn":1,"all":[{body}1]}}'} for body in bodies]
    return event


def rows() -> list[Row]:
    small = ("sqs_event", "sns_sqs_event", "eventbridge_sns_sqs_event")
    large = {
        "a queue's text of 6 MB": a_queue_with_one_text_of_6_mb,
        "2,500 topics' messages": a_queue_of_topics_of_6_mb,
        "7,000 records of a stream": a_stream_of_6_mb,
        "3,000 records of Kafka": kafka_with_headers_of_6_mb,
        "JSON within JSON, 6 MB": a_queue_of_dense_json_of_6_mb,
        "headers of 5 MB": an_api_call_with_headers_of_5_mb,
    }
    return [
        row("an API call of 10 KB", an_api_call_of_10_kb(), SMALL, "at most 1 ms"),
        *(row(name, sample(name), SMALL) for name in small),
        *(row(name, make(), LARGE, GOAL) for name, make in large.items()),
    ]


def row(name: str, event: Any, times: int, goal: str = "") -> Row:
    text = json.dumps(event)
    bare_ms = measure(lambda: json.loads(text), times)
    both_ms = measure(lambda: infer(json.loads(text), SETTINGS, lambda: 1), times)
    return Row(f"triggers: {name}", both_ms, "ms", f"json.loads {bare_ms:.3f} ms", both_ms / bare_ms, goal)


def measure(call: Callable[[], object], times: int) -> float:
    """Milliseconds of CPU, the median; the first call, which imports, is left out."""
    call()
    return statistics.median(cpu_ms(call) for _ in range(times))


def cpu_ms(call: Callable[[], object]) -> float:
    begun_s = time.process_time()
    call()
    return (time.process_time() - begun_s) * 1000


if __name__ == "__main__":
    show(rows())
