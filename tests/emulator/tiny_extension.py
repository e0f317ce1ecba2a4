"""A tiny extension for tests of the emulator, on the standard library alone. Misbehaves as its first argument says.

Modes: good, no-subscription, no-register, stuck (never asks again after INVOKE), crash (exits at INVOKE), init-error, exit-error,
ignore-shutdown, slow-telemetry. It prints what happens to it, one line each.
"""

import http.client
import http.server
import json
import os
import sys
import threading  # noqa: TID251 (a process of its own)
import time

MODE = sys.argv[1] if len(sys.argv) > 1 else "good"
HOST = os.environ["AWS_LAMBDA_RUNTIME_API"]
MANAGED = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances"
EVENTS = ["SHUTDOWN"] if MANAGED else ["INVOKE", "SHUTDOWN"]


def say(*words):
    print(*words, flush=True)


def call(method, path, headers, body=None):
    connection = http.client.HTTPConnection(HOST)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if MODE == "slow-telemetry":
            time.sleep(0.3)
        try:
            types = " ".join(record["type"] for record in json.loads(body))
        except ValueError:
            types = "not-json"
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        with open("/tmp/telemetry", "a") as file:
            file.write(types + "\n")

    def log_message(self, *args):
        pass


def main():
    if MODE == "no-register":
        say("sulking")
        time.sleep(60)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8999), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    headers = {"Lambda-Extension-Name": "datadog-agent", "Lambda-Extension-Accept-Feature": "accountId"}
    status, answer, body = call("POST", "/2020-01-01/extension/register", headers, json.dumps({"events": EVENTS}))
    if status != 200:
        say("refused", status, body.decode())
        sys.exit(1)
    me = {"Lambda-Extension-Identifier": answer["Lambda-Extension-Identifier"]}
    say("registered", body.decode().strip())
    if MODE == "init-error":
        error = {**me, "Lambda-Extension-Function-Error-Type": "Extension.Tiny"}
        call("POST", "/2020-01-01/extension/init/error", error, "{}")
        sys.exit(1)
    if MODE != "no-subscription":
        subscription = {
            "schemaVersion": "2025-01-29" if MANAGED else "2022-12-13",
            "types": ["platform", "function", "extension"],
            "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
            "destination": {"protocol": "HTTP", "URI": "http://sandbox:8999/"},
        }
        say("subscribed", call("PUT", "/2022-07-01/telemetry", me, json.dumps(subscription))[0])
    if os.path.exists("/tmp/life"):
        say("tmp was kept")
    open("/tmp/life", "w").close()
    while True:
        status, _, body = call("GET", "/2020-01-01/extension/event/next", me)
        event = json.loads(body)
        say("event", event.get("eventType"), event.get("shutdownReason", ""))
        if status != 200:
            sys.exit(1)
        if event["eventType"] == "SHUTDOWN":
            if MODE == "ignore-shutdown":
                time.sleep(60)
            time.sleep(0.1)
            if os.path.exists("/tmp/telemetry"):
                with open("/tmp/telemetry") as file:
                    say("telemetry", file.read().replace("\n", " | "))
            sys.exit(0)
        if MODE == "stuck":
            time.sleep(60)
        if MODE == "crash":
            os._exit(3)
        if MODE == "exit-error":
            error = {**me, "Lambda-Extension-Function-Error-Type": "Extension.Tiny"}
            call("POST", "/2020-01-01/extension/exit/error", error, "{}")
            sys.exit(1)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
