"""What the invocation's pipeline needs to know of the configuration and of the function."""

import attrs

from pipelines.invocation.propagation.extract import PropagationSettings
from pipelines.triggers.model import TriggerSettings

SPAN_NAME = "aws.lambda"


@attrs.frozen
class InvocationSettings:
    """`service` is DD_SERVICE, "" where it is unset. `is_traced`: a library is loaded into the runtime, though it may not live to speak.
    `capture_depth_max` counts where payloads are captured at all."""

    function_name: str = ""
    is_traced: bool = False
    service: str = ""
    is_managed: bool = False
    has_appsec: bool = False
    captures_payload: bool = False
    capture_depth_max: int = 10
    computes_stats: bool = False
    propagation: PropagationSettings = attrs.field(factory=PropagationSettings)
    triggers: TriggerSettings = attrs.field(factory=TriggerSettings)

    @property
    def span_resource(self) -> str:
        return self.function_name or SPAN_NAME

    @property
    def span_service(self) -> str:
        """The service of the spans that are made here (specification, invocation 5.1)."""
        if not self.triggers.representation:
            return SPAN_NAME
        return (self.service or self.span_resource).lower()
