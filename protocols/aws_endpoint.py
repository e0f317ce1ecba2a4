"""Where an AWS service is: its region from an ARN, its host from the region (specification, secrets 4).

The partition follows from the region that is called. A function's credentials are good in its own partition alone, so this never
differs from going by the function's region where a request can succeed at all.
"""

DOMAIN = "amazonaws.com"
# By the beginning of a region's name, as AWS's own SDKs have it.
DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}
REGION_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
REGION_CHARACTERS_MAX = 40


def domain_of(region: str) -> str:
    return next((domain for prefix, domain in DOMAINS.items() if region.startswith(prefix)), DOMAIN)


def host_of(service: str, region: str, *, is_fips: bool = False) -> str:
    return f"{service}{'-fips' if is_fips else ''}.{region}.{domain_of(region)}"


def region_of(identifier: str, function_region: str) -> str:
    """The region that an ARN names; the function's own for a bare name, and for an ARN that leaves it out."""
    parts = identifier.split(":")
    named = parts[3] if parts[0] == "arn" and len(parts) > 3 else ""
    return named or function_region


def is_region(text: str) -> bool:
    """Whether it may stand in a host's name: a dot or a slash in it would send a session token to somebody else."""
    return 0 < len(text) <= REGION_CHARACTERS_MAX and not text.strip(REGION_CHARACTERS)
