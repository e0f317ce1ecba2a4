"""The built layer at /opt beside functions in several languages, each with a runtime client of its own, frozen between invocations.

The same program everywhere: a line, a metric over UDP, an answer. What it says and counts must arrive, each once.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import trio

from emulator.run import open_sandbox, summary
from emulator.sandbox import Options
from emulator.values import Invocation

pytestmark = [pytest.mark.peers, pytest.mark.long]

PROJECT = Path(__file__).parent.parent.parent
HERE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
WHOLE_S = 60.0

PYTHON = """
import socket
def handler(event, context):
    print("said python")
    socket.socket(type=socket.SOCK_DGRAM).sendto(f"orders:1|c|#request:{context.aws_request_id}".encode(), ("127.0.0.1", 8125))
"""

NODE = """
const http = require("http"), udp = require("dgram").createSocket("udp4"), [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const base = "/2018-06-01/runtime/invocation/";
const call = (method, path, body, then) => http.request({host, port, method, path: base + path}, (answer) => {
  answer.resume();
  answer.on("end", () => then(answer.headers["lambda-runtime-aws-request-id"]));
}).end(body);
const loop = () => call("GET", "next", undefined, (id) => {
  console.log("said node");
  udp.send(`orders:1|c|#request:${id}`, 8125, "127.0.0.1", () => call("POST", id + "/response", "{}", loop));
});
loop();
"""

JAVA = """
import java.net.*;
import java.net.http.*;
public class Main {
  public static void main(String[] none) throws Exception {
    String base = "http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/";
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    DatagramSocket udp = new DatagramSocket();
    while (true) {
      var next = HttpRequest.newBuilder(URI.create(base + "next")).build();
      var id = client.send(next, HttpResponse.BodyHandlers.ofString()).headers().firstValue("Lambda-Runtime-Aws-Request-Id").get();
      System.out.println("said java");
      byte[] text = ("orders:1|c|#request:" + id).getBytes();
      udp.send(new DatagramPacket(text, text.length, InetAddress.getByName("127.0.0.1"), 8125));
      var body = HttpRequest.BodyPublishers.ofString("{}");
      client.send(HttpRequest.newBuilder(URI.create(base + id + "/response")).POST(body).build(), HttpResponse.BodyHandlers.ofString());
    }
  }
}
"""

GO = """
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	udp, _ := net.Dial("udp", "127.0.0.1:8125")
	client := &http.Client{}
	for {
		next, err := client.Get(base + "next")
		if err != nil {
			os.Exit(1)
		}
		io.Copy(io.Discard, next.Body)
		next.Body.Close()
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		fmt.Println("said go")
		fmt.Fprintf(udp, "orders:1|c|#request:%s", id)
		answer, _ := client.Post(base+id+"/response", "application/json", strings.NewReader("{}"))
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}
"""

SHELL = """
base="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  id=$(curl -sS -D - -o /dev/null "$base/next" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  echo "said shell"
  printf 'orders:1|c|#request:%s' "$id" > /dev/udp/127.0.0.1/8125
  curl -sS -o /dev/null -d '{}' "$base/$id/response"
done
"""


def program(language, folder):
    """Lay the function out; the runtime's command, None for Python's own client. Skips where there is no toolchain."""
    tools = {"python": (), "node": ("node",), "java": ("java", "javac"), "go": ("go",), "shell": ("bash", "curl")}[language]
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        pytest.skip(f"there is no {missing[0]}")
    name, text = {
        "python": ("app.py", PYTHON),
        "node": ("runtime.js", NODE),
        "java": ("Main.java", JAVA),
        "go": ("main.go", GO),
        "shell": ("bootstrap", SHELL),
    }[language]
    (folder / name).write_text(text)
    if language == "java":
        subprocess.run(["javac", name], cwd=folder, check=True)
        return (shutil.which("java"), "-cp", "/var/task", "-XX:TieredStopAtLevel=1", "Main")
    if language == "go":
        environment = os.environ | {
            "GOCACHE": str(folder.parent / "go-cache"),
            "GOFLAGS": "-mod=mod",
            "GO111MODULE": "off",
            "CGO_ENABLED": "0",
        }
        subprocess.run(["go", "build", "-o", "bootstrap", "main.go"], cwd=folder, env=environment, check=True)
        return ("/var/task/bootstrap",)
    return {"python": None, "node": (shutil.which("node"), "/var/task/runtime.js"), "shell": (shutil.which("bash"), "/var/task/bootstrap")}[
        language
    ]


@pytest.fixture(scope="module")
def agent(layer_of):
    """The command that is the layer's own: in a mount of its own, where the layer lies at /opt."""
    stage = layer_of(HERE)
    script = f"mount --bind {stage} /opt && exec /opt/extensions/datadog-agent"
    return ("unshare", "--mount", "/bin/sh", "-c", script, str(stage))


@pytest.mark.parametrize("language", ["python", "node", "java", "go", "shell"])
async def test_what_a_function_says_and_counts_arrives(scene_of, found_of, agent, tmp_path, language):
    runtime = program(language, tmp_path)  # which is the scene's task root
    scene = scene_of({}, runtime=runtime, timeout_ms=20_000)
    with trio.fail_after(WHOLE_S):
        async with open_sandbox(
            scene.config, agent, options=Options(freeze=True), inside={9080: scene.intake.serve_connection}
        ) as scene.sandbox:
            scene.intake.mark()
            await scene.sandbox.init()
            for pause_ms in (0, 300):
                await scene.sandbox.invoke(Invocation(b"{}", pause_before_ms=pause_ms))
            await scene.sandbox.stop()
            found = found_of(scene, summary(scene.sandbox))
    ids = [result.request_id for result in found.results]
    assert found.statuses == ["success", "success"], (found.run.function_output, found.run.extension_output)
    said = {request_id: [line.strip() for line in lines.elements()] for request_id, lines in found.said.items()}
    assert said == {request_id: [f"said {language}"] for request_id in ids}
    assert found.orders == dict.fromkeys(ids, 1.0)
    assert found.account.problems == ()
    assert found.counted("invocations") == 2
    assert [(life.exit_code, life.killed) for life in found.lives] == [(0, False)]
