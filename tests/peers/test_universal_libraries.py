"""Real libraries with universal instrumentation, in functions built here, against the real extension: one trace for each invocation.

The libraries come from the ordinary registries. Without the tools to build with, or without a registry, there is nothing to test.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from cli.launch import ours
from emulator.intake import Intake
from emulator.run import run_sandbox
from emulator.values import FunctionConfig, Invocation

pytestmark = [pytest.mark.peers, pytest.mark.long]

INTAKE_PORT = 9080
INTAKE = f"http://127.0.0.1:{INTAKE_PORT}"
ENVIRONMENT = {
    "DD_API_KEY": "0" * 32,
    "DD_DD_URL": INTAKE,
    "DD_LOGS_CONFIG_LOGS_DD_URL": INTAKE,
    "DD_APM_DD_URL": INTAKE,
    "DD_SERVERLESS_FLUSH_STRATEGY": "end",
    "DD_SERVICE": "orders",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_TRACE_ENABLED": "true",
}
BUILD_S, WHOLE_S = 300, 120
TRACE_ID, PARENT_ID = 2684756524522091840, 7431398482019833808
SQS_EVENT = {
    "Records": [
        {
            "messageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78",
            "receiptHandle": "MessageReceiptHandle",
            "body": "Hello from SQS!",
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795442420000", "SenderId": "123456789012"},
            "messageAttributes": {
                "_datadog": {
                    "dataType": "String",
                    "stringValue": json.dumps(
                        {
                            "x-datadog-trace-id": str(TRACE_ID),
                            "x-datadog-parent-id": str(PARENT_ID),
                            "x-datadog-sampling-priority": "1",
                        }
                    ),
                }
            },
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:MyQueue",
            "awsRegion": "us-east-1",
        }
    ]
}
EVENTS = (SQS_EVENT, {}, {"fail": True})

GO_MODULE = """module example.com/orders

go 1.22

require (
	github.com/DataDog/datadog-lambda-go v1.32.0
	github.com/aws/aws-lambda-go v1.46.0
)
"""
GO_PROGRAM = """package main

import (
	"context"
	"errors"

	ddlambda "github.com/DataDog/datadog-lambda-go"
	"github.com/aws/aws-lambda-go/lambda"
)

func handle(ctx context.Context, event map[string]any) (map[string]any, error) {
	if event["fail"] == true {
		return nil, errors.New("asked to fail")
	}
	return map[string]any{"statusCode": 200, "body": "{}"}, nil
}

func main() {
	lambda.Start(ddlambda.WrapFunction(handle, nil))
}
"""
JAVA_PROJECT = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.example</groupId>
  <artifactId>orders</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>aws-lambda-java-runtime-interface-client</artifactId>
      <version>2.9.0</version>
    </dependency>
    <dependency>
      <groupId>com.datadoghq</groupId>
      <artifactId>dd-java-agent</artifactId>
      <version>1.68.1</version>
    </dependency>
  </dependencies>
</project>
"""
JAVA_PROGRAM = """package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

public class Handler implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        if (Boolean.TRUE.equals(event.get("fail"))) {
            throw new IllegalStateException("asked to fail");
        }
        return Map.of("statusCode", 200, "body", "{}");
    }
}
"""
JAVA_CLIENT = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"


def build(folder: Path, *command: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUILD_S, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(command)} failed: {(done.stderr or done.stdout)[-500:]}")


def go_function(folder: Path) -> tuple[str, ...]:
    (folder / "go.mod").write_text(GO_MODULE)
    (folder / "main.go").write_text(GO_PROGRAM)
    build(folder, "go", "mod", "tidy")
    build(folder, "go", "build", "-o", "bootstrap", ".")
    return (str(folder / "bootstrap"),)


def java_function(folder: Path) -> tuple[str, ...]:
    (folder / "app").mkdir()
    (folder / "pom.xml").write_text(JAVA_PROJECT)
    (folder / "app" / "Handler.java").write_text(JAVA_PROGRAM)
    build(folder, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib")
    build(folder, "javac", "-cp", "lib/*", "-d", "classes", "app/Handler.java")
    [agent] = (folder / "lib").glob("dd-java-agent-*.jar")
    jars = [str(jar) for jar in (folder / "lib").glob("*.jar") if jar != agent]
    return ("java", f"-javaagent:{agent}", "-cp", ":".join([*jars, str(folder / "classes")]), JAVA_CLIENT, "app.Handler")


async def spans_of(folder: Path, runtime: tuple[str, ...], **changes: Any) -> tuple[Any, list[dict[str, Any]]]:
    """What the sandbox showed, and every span that arrived."""
    intake = Intake()
    config = FunctionConfig(
        handler="app.Handler", task_root=folder, runtime=runtime, environment=ENVIRONMENT, memory_mb=1_024, timeout_ms=20_000, **changes
    )
    invocations = [Invocation(json.dumps(event).encode()) for event in EVENTS]
    with trio.fail_after(WHOLE_S):
        found = await run_sandbox(config, ours(), invocations, inside={INTAKE_PORT: intake.serve_connection})
    payloads = [each for out in intake.documents() if out["out"] == "traces" for each in out["document"]["tracer_payloads"]]
    assert [text for each in intake.arrivals() for text in each.decoded.problems] == []
    return found, [span for payload in payloads for chunk in payload["chunks"] for span in chunk["spans"]]


@pytest.mark.parametrize(
    ("make", "error_type"), [(go_function, "*errors.errorString"), (java_function, "java.lang.IllegalStateException")], ids=["go", "java"]
)
async def test_each_invocation_is_one_trace_with_the_right_parent(tmp_path, make, error_type):
    found, spans = await spans_of(tmp_path, make(tmp_path))
    ids = [result.request_id for result in found.results]
    assert [result.status for result in found.results] == ["success", "success", "error"], found.extension_output
    roots = {span["meta"]["request_id"]: span for span in spans if span["name"] == "aws.lambda"}
    assert [span["resource"] for span in spans if span["resource"] == "dd-tracer-serverless-span"] == []
    assert sorted(roots) == sorted(ids), found.extension_output
    assert sum(span["name"] == "aws.lambda" for span in spans) == len(ids)
    first, second, third = (roots[request_id] for request_id in ids)
    [queue] = [span for span in spans if span["name"] == "aws.sqs"]
    [cold_start] = [span for span in spans if span["name"] == "aws.lambda.cold_start"]
    assert (queue["trace_id"], queue["parent_id"]) == (TRACE_ID, PARENT_ID)
    assert (first["trace_id"], first["parent_id"]) == (TRACE_ID, queue["span_id"])
    assert (cold_start["trace_id"], cold_start["parent_id"]) == (TRACE_ID, queue["span_id"])
    assert first["meta"]["http.status_code"] == "200"
    assert len({first["trace_id"], second["trace_id"], third["trace_id"]}) == 3
    assert (second.get("error", 0), third["error"], third["meta"]["error.msg"]) == (0, 1, "asked to fail")
    assert third["meta"]["error.type"] == error_type
    assert "\n" in third["meta"]["error.stack"]
    assert {span["metrics"].get("_sampling_priority_v1") for span in roots.values()} == {1.0}
    own = {span["span_id"]: span["trace_id"] for span in roots.values()}
    children = [span for span in spans if span.get("parent_id") in own]
    assert all(span["trace_id"] == own[span["parent_id"]] for span in children)
