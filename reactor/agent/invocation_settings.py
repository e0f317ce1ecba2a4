"""What the traces of invocations need of the process: their settings, and random ids. Loaded with the first of them."""

from collections.abc import Callable

from pipelines.invocation.propagation.extract import PropagationSettings
from pipelines.invocation.settings import InvocationSettings
from pipelines.triggers.model import TriggerSettings
from reactor.config.aws import SandboxEnvironment
from reactor.config.values import Settings


def settings_for(settings: Settings, sandbox: SandboxEnvironment, account_id: str) -> InvocationSettings:
    """The settings of the pipeline, out of those of the process."""
    return InvocationSettings(
        function_name=sandbox.function_name,
        service=settings.service or "",
        is_traced=sandbox.has_wrapper,
        is_managed=sandbox.is_managed,
        captures_payload=settings.capture_lambda_payload,
        capture_depth_max=settings.capture_lambda_payload_max_depth,
        propagation=PropagationSettings(
            settings.trace_propagation_style_extract or settings.trace_propagation_style,
            settings.trace_propagation_extract_first,
            settings.trace_propagation_http_baggage_enabled,
        ),
        triggers=TriggerSettings(
            service_mapping=settings.service_mapping,
            representation=settings.trace_aws_service_representation_enabled,
            managed_services=settings.trace_managed_services,
            region=sandbox.region,
            account_id=account_id,
            function_name=sandbox.function_name,
        ),
    )


def make_id_from(random: Callable[[], float]) -> Callable[[], int]:
    """Ids of 64 bits, never 0, out of numbers from 0 to 1 with at least 32 good bits: a restored copy must not repeat another's."""

    def make_id() -> int:
        return (int(random() * (1 << 32)) << 32 | int(random() * (1 << 32))) or 1

    return make_id
