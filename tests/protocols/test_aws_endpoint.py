import pytest

from protocols.aws_endpoint import domain_of, host_of, is_region, region_of

ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:dd-key-AbCdEf"


@pytest.mark.parametrize(
    ("service", "region", "is_fips", "host"),
    [
        ("kms", "us-east-1", False, "kms.us-east-1.amazonaws.com"),
        ("secretsmanager", "eu-central-1", False, "secretsmanager.eu-central-1.amazonaws.com"),
        ("secretsmanager", "us-gov-west-1", True, "secretsmanager-fips.us-gov-west-1.amazonaws.com"),
        ("ssm", "ca-central-1", True, "ssm-fips.ca-central-1.amazonaws.com"),
        ("ssm", "cn-north-1", False, "ssm.cn-north-1.amazonaws.com.cn"),
        ("sts", "cn-northwest-1", False, "sts.cn-northwest-1.amazonaws.com.cn"),
        ("kms", "us-iso-east-1", False, "kms.us-iso-east-1.c2s.ic.gov"),
        ("kms", "us-isob-east-1", False, "kms.us-isob-east-1.sc2s.sgov.gov"),
        ("kms", "us-isof-south-1", False, "kms.us-isof-south-1.csp.hci.ic.gov"),
        ("kms", "eu-isoe-west-1", False, "kms.eu-isoe-west-1.cloud.adc-e.uk"),
        ("kms", "eusc-de-east-1", False, "kms.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_hosts_by_service_region_and_build(service, region, is_fips, host):
    assert host_of(service, region, is_fips=is_fips) == host


@pytest.mark.parametrize(
    ("identifier", "region"),
    [
        (ARN, "us-west-2"),
        ("arn:aws:ssm:eu-west-1:account-id:parameter/my-parameter", "eu-west-1"),
        ("arn:aws-cn:ssm:cn-north-1:1:parameter/a", "cn-north-1"),
        ("arn:aws:secretsmanager::1:secret:a", "sa-east-1"),
        ("arn:aws:secretsmanager", "sa-east-1"),
        ("dd-api-key", "sa-east-1"),
        ("/path/to/key", "sa-east-1"),
        ("key:with:some:colons", "sa-east-1"),
        ("", "sa-east-1"),
    ],
)
def test_an_arn_names_its_region_and_a_name_has_the_functions(identifier, region):
    assert region_of(identifier, "sa-east-1") == region


@pytest.mark.parametrize("text", ["us-east-1", "eusc-de-east-1", "region", "x"])
def test_regions(text):
    assert is_region(text)


@pytest.mark.parametrize("text", ["", "evil.example", "us-east-1/", "US-EAST-1", "a b", "a\n", "ü", "x@y", "a:80", "a" * 41])
def test_what_would_lead_to_another_host_is_no_region(text):
    assert not is_region(text)


def test_the_table_of_partitions_agrees_with_botocores():
    loaders = pytest.importorskip("botocore.loaders")
    partitions = loaders.Loader().load_data("partitions")["partitions"]
    regions = {name: part["outputs"]["dnsSuffix"] for part in partitions for name in part["regions"] if not name.endswith("-global")}
    assert {name: domain_of(name) for name in regions} == regions
