"""What is said at the start of a process that was asked to say much (specification, lifecycle 2 and 22, configuration's last section)."""

from collections.abc import Iterator, Mapping

from reactor.config.aws import SandboxEnvironment
from reactor.config.load import read_text, resolve
from reactor.config.resolution import DEFAULT, shown, source_of
from reactor.config.settings import SETTINGS
from reactor.config.values import Settings
from reactor.version import VERSION


def lines(environment: Mapping[str, str], settings: Settings, sandbox: SandboxEnvironment) -> Iterator[str]:
    """The version, what FIPS comes to, and each setting that is not its default, with where it comes from. No secret is among them."""
    yield f"Starting Datadog Extension v{VERSION}"
    yield from of_fips(settings.lambda_fips_mode, sandbox.region)
    try:
        resolution = resolve(environment, read_text(environment))
    except (OSError, ValueError):
        resolution = resolve(environment, None)  # a finding has said what is wrong with the file
    for setting in SETTINGS:
        if resolution.sources[setting.name] != DEFAULT:
            value = shown(setting, resolution.values[setting.name])
            yield f"setting {setting.name}: {value} [{source_of(setting, resolution)}]"


def of_fips(asked: bool | None, region: str) -> Iterator[str]:
    """This build has no validated cryptography. `asked` is DD_LAMBDA_FIPS_MODE, which the language layer follows and nothing here does."""
    yield "FIPS mode is disabled"
    if region.startswith("us-gov-") if asked is None else asked:
        yield (
            "the language layer would use FIPS endpoints, and this extension is no FIPS build: "
            "set DD_LAMBDA_FIPS_MODE=false, or use an extension built for FIPS"
        )
