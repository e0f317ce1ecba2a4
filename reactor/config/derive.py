"""What follows from several values together: the site, every intake's address, the proxy (specification, configuration 4).

A bad value is an error and the default takes over; nothing aborts. Addresses lose blanks and trailing slashes and gain `https://`.
"""

from __future__ import annotations  # the types below are for readers and checkers

from typing import TYPE_CHECKING

from .addresses import SITE_DEFAULT, intake_base, port_of
from .resolution import shown_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .resolution import Resolution
    from .structured import Endpoint, LogEndpoint

OTLP_HTTP_PORT, OTLP_GRPC_PORT = 4318, 4317
SERIES, SKETCHES, TRACES, STATS, LOGS = "/api/v2/series", "/api/beta/sketches", "/api/v0.2/traces", "/api/v0.2/stats", "/api/v2/logs"

# Product to (host in front of the site, path). The first five can be moved by settings.
INTAKES = {
    "series": ("api.", SERIES),
    "sketches": ("api.", SKETCHES),
    "traces": ("trace.agent.", TRACES),
    "stats": ("trace.agent.", STATS),
    "logs": ("http-intake.logs.", LOGS),
    "data_streams": ("trace.agent.", "/api/v0.1/pipeline_stats"),
    "profiling": ("intake.profile.", "/api/v2/profile"),
    "llm_evaluations_v1": ("api.", "/api/intake/llm-obs/v1/eval-metric"),
    "llm_evaluations_v2": ("api.", "/api/intake/llm-obs/v2/eval-metric"),
    "llm_spans": ("llmobs-intake.", "/api/v2/llmobs"),
    "debugger_v1": ("http-intake.logs.", "/api/v2/logs"),
    "debugger": ("debugger-intake.", "/api/v2/debugger"),
    "telemetry": ("instrumentation-telemetry-intake.", "/api/v2/apmtelemetry"),
    "tracer_flare": ("app.", "/api/ui/support/serverless/flare"),
    "delegated_key": ("api.", "/api/v2/intake-key"),
}


def derive(resolution: Resolution, env: Mapping[str, str]) -> None:
    derive_levels(resolution)
    derive_logs_switch(resolution)
    if not resolution.values["trace_propagation_style_extract"]:
        resolution.derive("trace_propagation_style_extract", resolution.values["trace_propagation_style"])
    derive_intakes(resolution)
    derive_otlp(resolution)
    derive_proxy(resolution, env)


def derive_levels(resolution: Resolution) -> None:
    """The general level stands in for each specific one, unless that comes from the same or a better source."""
    for name in ("logs_config_compression_level", "apm_config_compression_level", "metrics_config_compression_level"):
        if resolution.rank("compression_level") > resolution.rank(name):
            resolution.derive(name, resolution.values["compression_level"])


def derive_logs_switch(resolution: Resolution) -> None:
    """Within the best source that names either switch, logs are on if one of them is true (specification, configuration 6)."""
    switches = ("serverless_logs_enabled", "logs_enabled")
    best = max(resolution.rank(name) for name in switches)
    if best:
        on = any(resolution.values[name] for name in switches if resolution.rank(name) == best)
        resolution.derive("serverless_logs_enabled", on)


def derive_intakes(resolution: Resolution) -> None:
    resolution.derive("site", resolution.text("site") or SITE_DEFAULT)
    site = resolution.text("site")
    urls = {product: f"https://{host}{site}{path}" for product, (host, path) in INTAKES.items()}
    metrics = resolution.text("dd_url") or resolution.text("url")
    traces, logs = resolution.text("apm_dd_url"), resolution.text("logs_config_logs_dd_url")
    for base, paths in (
        (metrics, {"series": SERIES, "sketches": SKETCHES}),
        (traces, {"traces": TRACES, "stats": STATS}),
        (logs, {"logs": LOGS}),
    ):
        if base:
            urls.update({product: base + path for product, path in paths.items()})
    derive_worker(resolution, urls)
    resolution.derive("intake_urls", urls)
    resolution.derive("additional_intakes", additional(resolution))


def derive_worker(resolution: Resolution, urls: dict[str, str]) -> None:
    """Logs to an Observability Pipelines Worker. Without a usable address they are off: the intake would get them unfiltered."""
    if not resolution.values["observability_pipelines_worker_logs_enabled"]:
        return
    if worker := resolution.text("observability_pipelines_worker_logs_url"):
        urls["logs"] = worker
        return
    resolution.complain("observability_pipelines_worker_logs_url", "no address, so there is nowhere to send logs to", "no logs at all")
    resolution.derive("serverless_logs_enabled", False)


def additional(resolution: Resolution) -> dict[str, tuple[tuple[str, str], ...]]:
    """Product to (URL, API key) of each further destination. A malformed one is left out, never replaced."""
    metrics = bases(resolution, "additional_endpoints", with_path=False)
    traces = bases(resolution, "apm_additional_endpoints")
    return {
        "series": tuple((base + SERIES, key) for base, key in metrics),
        "sketches": tuple((base + SKETCHES, key) for base, key in metrics),
        "traces": tuple((base + TRACES, key) for base, key in traces),
        "stats": tuple((base + STATS, key) for base, key in traces),
        "logs": tuple(log_intakes(resolution)),
    }


def bases(resolution: Resolution, name: str, with_path: bool = True) -> list[tuple[str, str]]:
    endpoints: tuple[Endpoint, ...] = resolution.values[name]  # type: ignore[assignment]  # the setting's parser made it
    pairs = []
    for url, keys in endpoints:
        if base := intake_base(url, with_path):
            pairs += [(base, key) for key in keys]
        else:
            resolution.complain(name, "not an address such as https://host:443", "the other destinations", given=shown_value(url))
    return pairs


def log_intakes(resolution: Resolution) -> list[tuple[str, str]]:
    endpoints: tuple[LogEndpoint, ...] = resolution.values["logs_config_additional_endpoints"]  # type: ignore[assignment]  # as above
    pairs = []
    for key, host, port, _ in endpoints:
        if base := intake_base(f"https://{host}:{port}", with_path=False):
            pairs.append((base + LOGS, key))
        else:
            resolution.complain(
                "logs_config_additional_endpoints", "Host is no host name", "the other destinations", given=shown_value(host)
            )
    return pairs


def derive_otlp(resolution: Resolution) -> None:
    """The ports of the receivers that are to start, else None. Two receivers cannot share one."""
    for protocol, default in (("http", OTLP_HTTP_PORT), ("grpc", OTLP_GRPC_PORT)):
        name = f"otlp_config_receiver_protocols_{protocol}_endpoint"
        endpoint = resolution.text(name)
        port = endpoint_port(endpoint) if endpoint else None
        if endpoint and port is None:
            port = default
            resolution.complain(name, "no port after the last colon", str(default))
        resolution.derive(f"otlp_{protocol}_port", port if resolution.values["otlp_config_traces_enabled"] else None)
    ports = resolution.values["otlp_http_port"], resolution.values["otlp_grpc_port"]
    if ports[0] and ports[0] == ports[1]:
        name = "otlp_config_receiver_protocols_grpc_endpoint"
        resolution.complain(
            name, "the same port as otlp_config_receiver_protocols_http_endpoint; only one of them can have it", "HTTP alone"
        )
        resolution.derive("otlp_grpc_port", None)


def endpoint_port(endpoint: str) -> int | None:
    """The port of `host:port`, `[host]:port` or a URL; a path is dropped (specification, otlp 1). Port 0 asks for any free one."""
    authority = endpoint.partition("://")[2] if "://" in endpoint else endpoint
    return port_of(authority.partition("/")[0].rpartition(":")[2])


def derive_proxy(resolution: Resolution, env: Mapping[str, str]) -> None:
    """The proxy's URL and everything that goes around it. Empty means unset."""
    url = resolution.text("proxy_https")
    given = "" if url else env.get("HTTPS_PROXY", "").strip()
    around = resolution.values["proxy_no_proxy"]
    if url or given:
        from .proxy import proxy_url, split_entries

        around = (*around, *split_entries(env.get("NO_PROXY", "")))  # type: ignore[misc]  # a tuple of texts
        if given and not (url := proxy_url(given) or ""):
            reason = "not a proxy such as http://host:3128"
            resolution.complain("proxy_https", reason, "no proxy", given=shown_value(given), source="HTTPS_PROXY")
    resolution.derive("https_proxy_url", url or None)
    resolution.derive("no_proxy", around)
