"""Real libraries that make the invocation's span themselves, against the real extension: no second span, and our tags on theirs.

They come from the ordinary registries, into the function's own folder. Without these, or without Node.js, there is nothing to test.
"""

import json
import shutil
import subprocess
import sys
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
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_ENABLED": "true",
    "DD_LAMBDA_HANDLER": "app.handler",
}
INSTALL_S, WHOLE_S = 300, 120
EVENTS = (
    {"headers": {"x-datadog-trace-id": "1234", "x-datadog-parent-id": "5678", "x-datadog-sampling-priority": "1"}},
    {},
    {"fail": True},
)

PYTHON_PROGRAM = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to fail")
    return {"statusCode": 200}
"""
# Node.js has no runtime client without compiling one, so this one is as small as can be.
NODE_PROGRAM = """
require("dd-trace").init({ tags: { "_dd.origin": "lambda" } });
const { datadog } = require("datadog-lambda-js");
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const handler = datadog(async (event) => {
  if (event.fail) throw new Error("asked to fail");
  return { statusCode: 200 };
});
async function serve() {
  for (;;) {
    const next = await fetch(`${api}/next`);
    const id = next.headers.get("lambda-runtime-aws-request-id");
    const deadline = Number(next.headers.get("lambda-runtime-deadline-ms"));
    const context = {
      awsRequestId: id, functionName: process.env.AWS_LAMBDA_FUNCTION_NAME, functionVersion: "$LATEST",
      invokedFunctionArn: next.headers.get("lambda-runtime-invoked-function-arn"),
      getRemainingTimeInMillis: () => deadline - Date.now(), callbackWaitsForEmptyEventLoop: false,
    };
    try {
      const answer = await handler(await next.json(), context);
      await fetch(`${api}/${id}/response`, { method: "POST", body: JSON.stringify(answer) });
    } catch (error) {
      const body = JSON.stringify({ errorMessage: error.message, errorType: error.name });
      await fetch(`${api}/${id}/error`, { method: "POST", body, headers: { "Lambda-Runtime-Function-Error-Type": error.name } });
    }
  }
}
serve();
"""


def install(folder: Path, *command: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(command)} failed: {(done.stderr or done.stdout)[-500:]}")


def python_function(folder: Path) -> dict[str, Any]:
    install(folder, sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "datadog-lambda==8.130.0")
    (folder / "app.py").write_text(PYTHON_PROGRAM)
    return {"handler": "datadog_lambda.handler.handler"}


def node_function(folder: Path) -> dict[str, Any]:
    install(folder, "npm", "install", "--silent", "--no-fund", "--no-audit", "datadog-lambda-js@12.143.0", "dd-trace@5.132.0")
    (folder / "bootstrap.js").write_text(NODE_PROGRAM)
    return {"handler": "app.handler", "runtime": ("node", str(folder / "bootstrap.js")), "execution_env": "AWS_Lambda_nodejs22.x"}


@pytest.mark.parametrize("make", [python_function, node_function], ids=["python", "node"])
async def test_each_invocation_has_the_librarys_span_alone_with_our_tags(tmp_path, make):
    intake = Intake()
    config = FunctionConfig(task_root=tmp_path, environment=ENVIRONMENT, memory_mb=1_024, timeout_ms=20_000, **make(tmp_path))
    invocations = [Invocation(json.dumps(event).encode()) for event in EVENTS]
    with trio.fail_after(WHOLE_S):
        found = await run_sandbox(config, ours(), invocations, inside={INTAKE_PORT: intake.serve_connection})
    assert [result.status for result in found.results] == ["success", "success", "error"], found.extension_output
    payloads = [each for out in intake.documents() if out["out"] == "traces" for each in out["document"]["tracer_payloads"]]
    spans = [span for payload in payloads for chunk in payload["chunks"] for span in chunk["spans"]]
    roots = [span for span in spans if span["name"] == "aws.lambda"]
    assert sorted(span["meta"]["request_id"] for span in roots) == sorted(result.request_id for result in found.results)
    by_request = {span["meta"]["request_id"]: span for span in roots}
    first, _, third = (by_request[result.request_id] for result in found.results)
    assert (first["trace_id"], first["parent_id"]) == (1234, 5678)
    assert (third["error"], third["meta"]["functionname"], third["meta"]["_dd.origin"]) == (1, "my-function", "lambda")
    cold_starts = [span for span in spans if span["name"] == "aws.lambda.cold_start"]
    loads = [span for span in spans if span["name"] == "aws.lambda.load"]
    assert len(cold_starts) == min(1, len(loads))
    assert [span["parent_id"] for span in loads] == [span["span_id"] for span in cold_starts]
    assert [text for each in intake.arrivals() for text in each.decoded.problems] == []
