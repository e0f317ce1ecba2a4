// Stands in for the compiled part of Lambda's runtime client (aws-lambda-ric), whose build needs minutes: the same four functions over
// node's own http. All else of the client is as it is published. Loaded with `node --require`.
const http = require("node:http");
const Module = require("node:module");

const RUNTIME = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let answered = Promise.resolve();

function request(method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const asked = http.request(`${RUNTIME}/${path}`, { method, agent, headers }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ bodyJson: Buffer.concat(pieces).toString(), headers: response.headers }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function post(id, what, body, headers) {
  answered = request("POST", `${id}/${what}`, { "Content-Type": "application/json", ...headers }, body);
}

const client = {
  initializeClient() {},
  next: () => answered.then(() => request("GET", "next", {})),
  done: (id, body) => post(id, "response", body, {}),
  error: (id, body, cause) => post(id, "error", body, { "Lambda-Runtime-Function-Error-Type": JSON.parse(body).errorType, "Lambda-Runtime-Function-XRay-Error-Cause": cause }),
};

const load = Module._load;
Module._load = (name, ...rest) => (name.endsWith("rapid-client.node") ? client : load(name, ...rest));
