"""The key from a real server of the AWS protocols that checks signatures with botocore. Runs where `moto` is installed with its server."""

import importlib.util
import json
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from contextlib import closing

import pytest
import trio

from reactor.config.aws import read_sandbox
from reactor.config.load import load
from reactor.net.clock import SystemClock
from reactor.net.pool import Pool
from reactor.net.system import SystemNetwork
from reactor.secrets import make_api_key

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not all(map(importlib.util.find_spec, ("boto3", "moto", "flask"))), reason="moto's server is not installed"),
]
KEY = "0123456789abcdef" * 2
REGION = "eu-west-1"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SANDBOX = read_sandbox({"AWS_REGION": REGION, "AWS_LAMBDA_FUNCTION_NAME": "my-function"})


@pytest.fixture(scope="module")
def url():
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_for(url, process):
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
        except OSError:
            assert process.poll() is None, "moto's server ended"
            time.sleep(0.1)
        else:
            return
    raise AssertionError("moto's server does not answer")


def turn_signatures_on(url):
    request = urllib.request.Request(f"{url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
    urllib.request.urlopen(request, timeout=5).close()


@pytest.fixture(scope="module")
def stocked(url):
    """A function's credentials, and the key in each of the services; from here on every request must be signed."""
    boto3 = pytest.importorskip("boto3")

    def client(service):
        return boto3.client(service, endpoint_url=url, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")

    iam, kms, ssm, secrets = map(client, ("iam", "kms", "ssm", "secretsmanager"))
    iam.create_user(UserName="function")
    iam.put_user_policy(UserName="function", PolicyName="all", PolicyDocument=json.dumps(POLICY))
    access = iam.create_access_key(UserName="function")["AccessKey"]
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    context = {"LambdaFunctionName": "my-function"}
    plain = kms.encrypt(KeyId=key_id, Plaintext=KEY.encode())["CiphertextBlob"]
    console = kms.encrypt(KeyId=key_id, Plaintext=KEY.encode(), EncryptionContext=context)["CiphertextBlob"]
    ssm.put_parameter(Name="/dd/key", Value=KEY, Type="SecureString")
    arn = secrets.create_secret(Name="dd-key", SecretString=json.dumps({"dd_api_key": KEY}))["ARN"]
    binary = secrets.create_secret(Name="dd-binary", SecretBinary=KEY.encode())["ARN"]
    turn_signatures_on(url)
    environment = {
        "AWS_ACCESS_KEY_ID": access["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": access["SecretAccessKey"],
        **{f"AWS_ENDPOINT_URL_{service}": url for service in ("KMS", "SECRETS_MANAGER", "SSM")},
    }
    variables = {
        "kms without context": {"DD_KMS_API_KEY": b64encode(plain).decode()},
        "kms with context": {"DD_KMS_API_KEY": b64encode(console).decode()},
        "secret": {"DD_API_KEY_SECRET_ARN": arn},
        "binary secret": {"DD_API_KEY_SECRET_ARN": binary},
        "secret by name": {"DD_API_KEY_SECRET_ARN": "dd-key"},
        "parameter": {"DD_API_KEY_SSM_ARN": "/dd/key"},
        "no such secret": {"DD_API_KEY_SECRET_ARN": "another"},
    }
    return environment, variables


async def fetch(environment, variables):
    """The key, and what was said."""
    said = []
    network = SystemNetwork()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            say = lambda level, text: said.append((level, text))  # noqa: E731  # shorter than a function of one line
            settings = load(variables, None)[0]
            key = make_api_key(settings, SANDBOX, environment, network, Pool(network), SystemClock(), nursery.start_soon, say)
            found = await key.key()
            nursery.cancel_scope.cancel()
    return found, [line for line in said if line[0] != "DEBUG"]


@pytest.mark.parametrize("case", ["kms without context", "kms with context", "secret", "binary secret", "secret by name", "parameter"])
async def test_the_key_is_fetched(stocked, case):
    environment, variables = stocked
    assert await fetch(environment, variables[case]) == (KEY, [])


@pytest.mark.parametrize("case", ["kms without context", "secret", "parameter"])
async def test_a_wrong_secret_access_key_is_refused(stocked, case):
    environment, variables = stocked
    found, [(level, text)] = await fetch(environment | {"AWS_SECRET_ACCESS_KEY": "wrong"}, variables[case])
    assert (found, level) == (None, "ERROR")
    assert "status 403" in text


async def test_a_secret_that_is_not_there(stocked):
    environment, variables = stocked
    found, [(level, text)] = await fetch(environment, variables["no such secret"])
    assert (found, level) == (None, "ERROR")
    assert "ResourceNotFoundException" in text
