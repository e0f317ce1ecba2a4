"""What a process says at its start when it is asked to say much: enough for a support case, and no secret."""

import pytest

from reactor.config.aws import read_sandbox
from reactor.config.load import load_from_disk
from reactor.debug_lines import lines, of_fips

KEY = "0123456789abcdef0123456789abcdef"


def said(tmp_path, **variables):
    environment = {"LAMBDA_TASK_ROOT": str(tmp_path), **variables}
    return list(lines(environment, load_from_disk(environment)[0], read_sandbox(environment)))


def test_settings_that_are_not_their_defaults_are_said_with_their_sources(tmp_path):
    (tmp_path / "datadog.yaml").write_text("env: lab\nsite: datadoghq.eu\n")
    found = said(tmp_path, DD_SERVICE="orders", DD_SITE="us5.datadoghq.com")
    assert [line for line in found if line.startswith("setting ") and "[derived]" not in line] == [
        "setting site: us5.datadoghq.com [DD_SITE]",
        "setting env: lab [yaml env]",
        "setting service: orders [DD_SERVICE]",
    ]
    assert found[0].startswith("Starting Datadog Extension v")


def test_no_secret_is_said(tmp_path):
    found = said(
        tmp_path,
        DD_API_KEY=KEY,
        DD_KMS_API_KEY="encrypted" + KEY,
        DD_ADDITIONAL_ENDPOINTS=f'{{"https://app.datadoghq.eu": ["{KEY}"]}}',
        DD_PROXY_HTTPS=f"http://user:{KEY}@proxy:3128",
    )
    assert KEY[-20:] not in "\n".join(found)
    assert "setting api_key: set (32 characters) [DD_API_KEY]" in found


@pytest.mark.parametrize("file", ["not: [yaml", "\0"])
def test_a_file_that_cannot_be_used_costs_no_line_of_the_rest(tmp_path, file):
    (tmp_path / "datadog.yaml").write_text(file)
    assert "setting service: orders [DD_SERVICE]" in said(tmp_path, DD_SERVICE="orders")


def test_a_folder_where_the_file_should_be_costs_no_line_of_the_rest(tmp_path):
    (tmp_path / "datadog.yaml").mkdir()
    assert "setting service: orders [DD_SERVICE]" in said(tmp_path, DD_SERVICE="orders")


@pytest.mark.parametrize(
    ("asked", "region", "differs"),
    [
        (None, "us-east-1", False),
        (None, "us-gov-west-1", True),
        (True, "us-east-1", True),
        (False, "us-gov-west-1", False),
    ],
)
def test_what_the_language_layer_does_differently_about_fips_is_said(asked, region, differs):
    first, *rest = of_fips(asked, region)
    assert first == "FIPS mode is disabled"
    assert ["DD_LAMBDA_FIPS_MODE" in line for line in rest] == [True] * differs
