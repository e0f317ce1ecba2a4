"""The frozen result of `load`: one typed field for each row of `settings.SETTINGS`, and what was derived from several of them.

A plain class with slots, not an attrs one: building the methods for so many fields costs attrs several milliseconds of start-up.
"""

from __future__ import annotations  # the types below are for readers and checkers; none is built at start-up

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import NoReturn

    from .strategy import Strategy
    from .structured import Endpoint, LogEndpoint, ProcessingRule, ReplaceRule

DERIVED_FIELDS = ("intake_urls", "additional_intakes", "https_proxy_url", "no_proxy", "otlp_http_port", "otlp_grpc_port")


class Settings:
    """Every setting with its effective value. Made by `load`; `evolve` gives a changed copy."""

    # General and network
    site: str
    api_key: str
    org_uuid: str
    log_level: str
    flush_timeout_s: int
    flush_budget_ms: int
    compression_level: int
    proxy_https: str | None
    proxy_no_proxy: tuple[str, ...]
    http_protocol: str | None
    tls_cert_file: str | None
    skip_ssl_validation: bool
    dd_url: str
    url: str
    additional_endpoints: tuple[Endpoint, ...]
    lambda_fips_mode: bool | None
    debug_wait_for_attach_s: float
    plain_start: bool
    record_telemetry_events: str | None
    record_telemetry_bytes_max: int

    # Tagging
    env: str | None
    service: str | None
    version: str | None
    tags: Mapping[str, str]
    extra_tags: Mapping[str, str]

    # Fetched API keys
    kms_api_key: str
    api_key_secret_arn: str
    api_key_ssm_arn: str
    api_key_secret_reload_interval_s: float | None

    # Logs
    serverless_logs_enabled: bool
    logs_enabled: bool
    logs_config_logs_dd_url: str
    logs_config_processing_rules: tuple[ProcessingRule, ...]
    logs_config_use_compression: bool
    logs_config_compression_level: int
    logs_config_additional_endpoints: tuple[LogEndpoint, ...]
    observability_pipelines_worker_logs_enabled: bool
    observability_pipelines_worker_logs_url: str
    lambda_durable_function_log_buffer_size: int
    logs_drop_platform_lines: tuple[str, ...]
    logs_sample: Mapping[str, float]

    # APM
    apm_dd_url: str
    apm_additional_endpoints: tuple[Endpoint, ...]
    service_mapping: Mapping[str, str]
    apm_replace_tags: tuple[ReplaceRule, ...]
    apm_config_compression_level: int
    apm_features: tuple[str, ...]
    apm_filter_tags_require: tuple[tuple[str, str | None], ...]
    apm_filter_tags_reject: tuple[tuple[str, str | None], ...]
    apm_filter_tags_regex_require: tuple[tuple[str, str | None], ...]
    apm_filter_tags_regex_reject: tuple[tuple[str, str | None], ...]
    lambda_extension_compute_stats: bool
    span_dedup_timeout_s: float | None
    trace_aws_service_representation_enabled: bool
    trace_managed_services: bool
    trace_propagation_style: tuple[str, ...]
    trace_propagation_style_extract: tuple[str, ...]
    trace_propagation_extract_first: bool
    trace_propagation_http_baggage_enabled: bool
    capture_lambda_payload: bool
    capture_lambda_payload_max_depth: int

    # APM obfuscation
    apm_config_obfuscation_http_remove_query_string: bool
    apm_config_obfuscation_http_remove_paths_with_digits: bool
    apm_obfuscation_redis_enabled: bool
    apm_obfuscation_redis_remove_all_args: bool
    apm_obfuscation_valkey_enabled: bool
    apm_obfuscation_valkey_remove_all_args: bool
    apm_obfuscation_memcached_enabled: bool
    apm_obfuscation_memcached_keep_command: bool
    apm_obfuscation_mongodb_enabled: bool
    apm_obfuscation_mongodb_keep_values: tuple[str, ...]
    apm_obfuscation_mongodb_obfuscate_sql_values: tuple[str, ...]
    apm_obfuscation_elasticsearch_enabled: bool
    apm_obfuscation_elasticsearch_keep_values: tuple[str, ...]
    apm_obfuscation_elasticsearch_obfuscate_sql_values: tuple[str, ...]
    apm_obfuscation_opensearch_enabled: bool
    apm_obfuscation_opensearch_keep_values: tuple[str, ...]
    apm_obfuscation_opensearch_obfuscate_sql_values: tuple[str, ...]
    apm_obfuscation_credit_cards_enabled: bool
    apm_obfuscation_credit_cards_luhn: bool
    apm_obfuscation_credit_cards_keep_values: tuple[str, ...]

    # Metrics and DogStatsD
    enhanced_metrics: bool
    lambda_proc_enhanced_metrics: bool
    lambda_customer_metrics_exclude_tags: tuple[str, ...]
    metrics_config_compression_level: int
    statsd_metric_namespace: str | None
    dogstatsd_so_rcvbuf_bytes: int | None
    dogstatsd_buffer_size_bytes: int
    dogstatsd_queue_size: int
    dogstatsd_socket: str | None
    extension_metrics: bool

    # OTLP
    otlp_config_traces_enabled: bool
    otlp_config_receiver_protocols_http_endpoint: str | None
    otlp_config_receiver_protocols_grpc_endpoint: str | None
    otlp_config_receiver_protocols_grpc_max_recv_msg_size_mib: int
    otlp_config_traces_span_name_as_resource_name: bool
    otlp_config_traces_span_name_remappings: Mapping[str, str]
    otlp_config_ignore_missing_datadog_fields: bool
    otlp_config_receiver_protocols_grpc_transport: str | None
    otlp_config_metrics_enabled: bool
    otlp_config_metrics_resource_attributes_as_tags: bool
    otlp_config_metrics_instrumentation_scope_metadata_as_tags: bool
    otlp_config_metrics_tag_cardinality: str | None
    otlp_config_metrics_delta_ttl: int | None
    otlp_config_metrics_histograms_mode: str | None
    otlp_config_metrics_histograms_send_count_sum_metrics: bool
    otlp_config_metrics_histograms_send_aggregation_metrics: bool
    otlp_config_metrics_sums_cumulative_monotonic_mode: str | None
    otlp_config_metrics_sums_initial_cumulative_monotonic_value: str | None
    otlp_config_metrics_summaries_mode: str | None
    otlp_config_traces_probabilistic_sampler_sampling_percentage: int | None
    otlp_config_logs_enabled: bool

    # Flushing and the runtime proxy
    serverless_flush_strategy: Strategy
    experimental_enable_proxy: bool

    # App and API Protection
    serverless_appsec_enabled: bool
    appsec_rules: str | None
    appsec_waf_timeout_us: int
    api_security_enabled: bool
    api_security_sample_delay_s: float
    apm_tracing_enabled: bool
    trace_client_ip_header: str | None
    appsec_trace_rate_limit: int
    appsec_obfuscation_parameter_key_regexp: str | None
    appsec_obfuscation_parameter_value_regexp: str | None

    # Derived
    intake_urls: Mapping[str, str]  # product (the keys of derive.INTAKES) to full URL
    additional_intakes: Mapping[str, tuple[tuple[str, str], ...]]  # series, sketches, traces, logs to (full URL, API key)
    https_proxy_url: str | None  # http://[user:password@]host:port
    no_proxy: tuple[str, ...]  # entries as `proxy.bypasses` takes them
    otlp_http_port: int | None  # None: no receiver
    otlp_grpc_port: int | None

    __slots__ = tuple(__annotations__)

    def __init__(self, **values: object) -> None:
        """Take exactly one value for each field; TypeError names what is missing or strange."""
        if values.keys() != self.__annotations__.keys():
            raise TypeError(f"missing or unknown: {', '.join(sorted(values.keys() ^ self.__annotations__.keys()))}")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"settings are frozen: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"settings are frozen: {name}")

    def evolve(self, **changes: object) -> Settings:
        """A copy with other values."""
        return Settings(**(dict(self.items()) | changes))

    def items(self) -> Iterator[tuple[str, object]]:
        return ((name, getattr(self, name)) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and all(value == getattr(other, name) for name, value in self.items())

    __hash__ = None  # type: ignore[assignment]  # some fields are maps

    def __repr__(self) -> str:
        """What differs from the defaults, without secrets."""
        from .resolution import shown
        from .settings import SETTINGS

        changed = (f"{row.name}={shown(row, value)}" for row in SETTINGS if (value := getattr(self, row.name)) != row.default)
        return f"Settings({', '.join(changed)})"
