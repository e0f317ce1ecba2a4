"""The one list of settings: name, sources, parser, default, group and meaning. The reference in docs/ and `lambda-reactor config` print it.

`load` walks it; `values.Settings` has one typed field for each row (a test holds that). A row's variables are its name in upper case
behind `DD_` or `DATADOG_`, its YAML key the same in lower case, unless the row says otherwise (`env` when the field carries a unit).
"""

from . import addresses as a
from . import parsers as p
from . import structured
from .strategy import DEFAULT as ADAPTIVE
from .strategy import parse_strategy

USED, ACCEPTED, MISSING = "used", "accepted without effect", "for what this version does not have"
NO_YAML = "-"
NO_OTLP_METRICS = "OTLP metrics are not taken."


class Setting:
    """One row. `env`: names of the variables without prefix, best first; `yaml`: dotted paths in datadog.yaml, best first."""

    __slots__ = ("default", "effect", "env", "group", "name", "parse", "secret", "text", "yaml")

    def __init__(
        self,
        name: str,
        parse: p.Parser,
        default: object,
        text: str,
        *,
        env: str = "",
        yaml: str = "",
        secret: bool = False,
        effect: str = USED,
    ) -> None:
        self.name, self.parse, self.default, self.text, self.secret, self.effect = name, parse, default, text, secret, effect
        self.env = tuple((env or name.upper()).split())
        self.yaml = () if yaml == NO_YAML else tuple((yaml or self.env[0].lower()).split())
        self.group = ""


def group(title: str, *rows: Setting) -> tuple[Setting, ...]:
    for row in rows:
        row.group = title
    return rows


row = Setting

# One row, two lines: what it is, and what it means. The formatter would make eight of them.
# fmt: off
GENERAL = group(
    "General and network",
    row("site", a.parse_site, a.SITE_DEFAULT,
        "The Datadog site that gets everything: the address of each intake is made from it."),
    row("api_key", p.parse_text, "", secret=True, text=
        "The API key. Used when no other source of a key is configured, or when the configured one fails."),
    row("org_uuid", p.parse_text, "",
        "The organisation's id. It turns on delegated authentication, which comes before every other source of a key."),
    row("log_level", p.parse_log_level, "info",
        "How much the extension says about itself: error, warn, info, debug or trace. At debug it begins with the settings that are not "
        "their defaults, secrets as their length."),
    row("flush_timeout_s", p.parse_timeout_s, 30, env="FLUSH_TIMEOUT", text=
        "Longest time of one request to an intake, in seconds; also the span of 20 invocations below which the default flush strategy "
        "flushes in the background."),
    row("flush_budget_ms", p.parse_unsigned, 1000,
        "Longest time, in milliseconds, that a flush may hold an invocation after the runtime is done; the rest goes with the next flush."),
    row("compression_level", p.parse_compression_level, 3,
        "The zstd level of logs, traces and metrics at once; their own settings win over it within the same source."),
    row("proxy_https", a.parse_proxy, None, yaml="proxy.https", text=
        "The proxy for requests to Datadog, as host:port or URL. Without it the variable HTTPS_PROXY counts."),
    row("proxy_no_proxy", p.parse_comma_list, (), yaml="proxy.no_proxy", text=
        "Hosts, domains, host:port pairs and networks (10.0.0.0/8) that are reached without the proxy; NO_PROXY adds to them."),
    row("http_protocol", p.parse_optional_text, "http1", effect=ACCEPTED, text=
        "The HTTP version for the intakes. They are always spoken to in HTTP/1.1."),
    row("tls_cert_file", p.parse_optional_text, None,
        "A PEM file with certificates to trust beside the public ones, for a proxy or a private intake."),
    row("skip_ssl_validation", p.parse_bool, False,
        "Accept any certificate for Datadog traffic. Whoever sits on the way can then read keys and data: for tests only."),
    row("dd_url", a.parse_host_base, "",
        "Where metrics go instead of the site's intake: scheme, host and port, no path. The variable is DD_DD_URL."),
    row("url", a.parse_host_base, "", yaml=NO_YAML, text=
        "As dd_url, which wins over it. The variable is DD_URL."),
    row("additional_endpoints", structured.parse_endpoints, (), secret=True, text=
        'More places that get every metric, each with its API keys: {"https://app.datadoghq.eu": ["key"]}.'),
    row("lambda_fips_mode", p.parse_bool, None,
        "Whether the language layer uses FIPS endpoints (unset: in us-gov- regions). Only compared with this build and reported at DEBUG."),
    row("debug_wait_for_attach_s", p.parse_seconds, 0.0, env="DEBUG_WAIT_FOR_ATTACH", text=
        "Seconds to sleep at start, so that a debugger can attach."),
    row("plain_start", p.parse_bool, False,
        "Start without the small first stage that registers before the rest is imported: slower, easier to look into."),
    row("record_telemetry_events", p.parse_optional_text, None,
        "A file that gets every telemetry record as it came, for `lambda-reactor replay`. It holds what the function logs."),
    row("record_telemetry_bytes_max", p.parse_positive, 16 * 1024 * 1024,
        "The size, in bytes, at which that recording ends."),
)

TAGGING = group(
    "Tagging",
    row("env", p.parse_text_or_number, None,
        "The tag env of everything that is sent."),
    row("service", p.parse_text_or_number, None,
        "The tag service (in lower case), and the service of logs and of the invocation's span."),
    row("version", p.parse_text_or_number, None,
        "The tag version, kept as written (1.10 stays 1.10)."),
    row("tags", p.parse_pairs, {},
        "More tags, key:value between commas or blanks; they win over computed ones. Those of datadog.yaml stay beside the variable's."),
    row("extra_tags", p.parse_pairs, {},
        "As tags, which win over them."),
)

KEYS = group(
    "Fetched API keys",
    row("kms_api_key", p.parse_text, "", secret=True, text=
        "The API key as KMS ciphertext in base64; decrypted at the first flush."),
    row("api_key_secret_arn", p.parse_text, "",
        "The ARN or name of the Secrets Manager secret that holds the API key."),
    row("api_key_ssm_arn", p.parse_text, "",
        "The ARN or name of the SSM parameter that holds the API key."),
    row("api_key_secret_reload_interval_s", p.parse_seconds_zero_unset, None, env="API_KEY_SECRET_RELOAD_INTERVAL", text=
        "Seconds after which a fetched key is fetched again when it is next needed; below 1 never."),
)

LOGS = group(
    "Logs",
    row("serverless_logs_enabled", p.parse_bool, True,
        "Ship the function's and the extension's logs. Logs are on if this or logs_enabled is true, or if neither is set."),
    row("logs_enabled", p.parse_bool, False,
        "The product-wide name of the same switch."),
    row("logs_config_logs_dd_url", a.parse_base, "", yaml="logs_config.logs_dd_url", text=
        "Where logs go instead of the site's intake; https:// is put before a bare host and port."),
    row("logs_config_processing_rules", structured.parse_processing_rules, (), yaml="logs_config.processing_rules", text=
        "What to drop, keep or mask, applied to each line in this order: "
        '[{"type": "mask_sequences", "name": "cards", "pattern": "\\\\d{16}", "replace_placeholder": "****"}].'),
    row("logs_config_use_compression", p.parse_bool, True, yaml="logs_config.use_compression", text=
        "Send logs compressed with zstd."),
    row("logs_config_compression_level", p.parse_compression_level, 3, yaml="logs_config.compression_level", text=
        "The zstd level of logs."),
    row("logs_config_additional_endpoints", structured.parse_log_endpoints, (), yaml="logs_config.additional_endpoints", secret=True, text=
        'More places that get every log: [{"api_key": "key", "Host": "host", "Port": 443, "is_reliable": true}].'),
    row("observability_pipelines_worker_logs_enabled", p.parse_bool, False,
        "Send logs as plain JSON to an Observability Pipelines Worker instead of the intake."),
    row("observability_pipelines_worker_logs_url", a.parse_worker, "",
        "The worker's full address; nothing is added to it. Without it logs are off: going around the worker would go around its filters."),
    row("lambda_durable_function_log_buffer_size", p.parse_u32, 0,
        "For how many request ids logs may be held until the durable execution is known; 0 is off, 50 is usual."),
    row("logs_drop_platform_lines", p.parse_line_kinds, (),
        "Which platform lines to leave out, between commas: start, end, report, init_start. Their figures are in the enhanced metrics."),
    row("logs_sample", p.parse_shares, {},
        "The share of log lines to keep, by status, as in debug:0.1,info:0.5; statuses that are not named are kept whole."),
)

APM = group(
    "APM",
    row("apm_dd_url", a.parse_base, "", yaml="apm_config.apm_dd_url", text=
        "Where traces and stats go instead of the site's intake; https:// is put before a bare host and port."),
    row("apm_additional_endpoints", structured.parse_endpoints, (), yaml="apm_config.additional_endpoints", secret=True, text=
        'More places that get every trace and all stats: {"https://trace.agent.datadoghq.eu": ["key"]}.'),
    row("service_mapping", p.parse_service_mapping, {},
        "Service names of inferred spans, old:new between commas; a resource's own name first, then the kind (lambda_sqs)."),
    row("apm_replace_tags", structured.parse_replace_rules, (), yaml="apm_config.replace_tags", text=
        'What to replace in span tags: [{"name": "*", "pattern": "secret=\\\\w+", "repl": "secret=?"}]; resource.name is the resource.'),
    row("apm_config_compression_level", p.parse_compression_level, 3, yaml="apm_config.compression_level", text=
        "The zstd level of traces."),
    row("apm_features", p.parse_comma_list, (), yaml="apm_config.features", text=
        "Feature names; known: enable_otlp_compute_top_level_by_span_kind, disable_operation_and_resource_name_logic_v2."),
    row("apm_filter_tags_require", p.parse_filter_tags, (), yaml=NO_YAML, text=
        "Keep only spans that have all of these tags: key:value or key, between blanks."),
    row("apm_filter_tags_reject", p.parse_filter_tags, (), yaml=NO_YAML, text=
        "Drop spans that have any of these tags."),
    row("apm_filter_tags_regex_require", p.parse_filter_tags, (), yaml=NO_YAML, text=
        "As apm_filter_tags_require; the value is a regular expression that is searched for."),
    row("apm_filter_tags_regex_reject", p.parse_filter_tags, (), yaml=NO_YAML, text=
        "As apm_filter_tags_reject; the value is a regular expression that is searched for."),
    row("lambda_extension_compute_stats", p.parse_bool, False, text=
        "Compute trace statistics here and drop traces that sampling left out, instead of leaving it to the backend.",
        env="LAMBDA_EXTENSION_COMPUTE_STATS COMPUTE_TRACE_STATS_ON_EXTENSION"),
    row("span_dedup_timeout_s", p.parse_seconds_zero_unset, None, env="SPAN_DEDUP_TIMEOUT", effect=ACCEPTED, text=
        "How long a tracer may wait for the duplicate check. The check is a table look-up here: there is no wait."),
    row("trace_aws_service_representation_enabled", p.parse_bool, True,
        "Name inferred spans after the queue, topic or bucket (true) or after the kind of service, like aws.sqs (false)."),
    row("trace_managed_services", p.parse_bool, True,
        "Make inferred spans for the AWS services that triggered the function. False keeps trace context and trigger tags."),
    row("trace_propagation_style", p.parse_styles, ("datadog", "tracecontext"),
        "Which headers carry trace context, between commas: datadog, tracecontext, baggage, b3multi, b3, none."),
    row("trace_propagation_style_extract", p.parse_styles, (),
        "As trace_propagation_style, for reading alone; unset it is the same."),
    row("trace_propagation_extract_first", p.parse_bool, False,
        "Stop at the first style that yields a context."),
    row("trace_propagation_http_baggage_enabled", p.parse_bool, False,
        "Turn ot-baggage- headers into span tags."),
    row("capture_lambda_payload", p.parse_bool, False,
        "Put the request and the response on the invocation's span as tags."),
    row("capture_lambda_payload_max_depth", p.parse_u32, 10,
        "How deep into nested payloads tags go."),
)

OBFUSCATION = group(
    "APM obfuscation",
    row("apm_config_obfuscation_http_remove_query_string", p.parse_bool, False, text="Remove the query from http.url.",
        env="APM_CONFIG_OBFUSCATION_HTTP_REMOVE_QUERY_STRING APM_OBFUSCATION_HTTP_REMOVE_QUERY_STRING",
        yaml="apm_config.obfuscation.http.remove_query_string"),
    row("apm_config_obfuscation_http_remove_paths_with_digits", p.parse_bool, False, text="Replace segments of http.url that hold digits.",
        env="APM_CONFIG_OBFUSCATION_HTTP_REMOVE_PATHS_WITH_DIGITS APM_OBFUSCATION_HTTP_REMOVE_PATHS_WITH_DIGITS",
        yaml="apm_config.obfuscation.http.remove_paths_with_digits"),
    row("apm_obfuscation_redis_enabled", p.parse_bool, False, yaml="apm_config.obfuscation.redis.enabled",
        text="Obfuscate redis.raw_command."),
    row("apm_obfuscation_redis_remove_all_args", p.parse_bool, False, yaml="apm_config.obfuscation.redis.remove_all_args",
        text="Remove every argument of redis commands."),
    row("apm_obfuscation_valkey_enabled", p.parse_bool, False, yaml="apm_config.obfuscation.valkey.enabled",
        text="Obfuscate valkey.raw_command."),
    row("apm_obfuscation_valkey_remove_all_args", p.parse_bool, False, yaml="apm_config.obfuscation.valkey.remove_all_args",
        text="Remove every argument of valkey commands."),
    row("apm_obfuscation_memcached_enabled", p.parse_bool, False, yaml="apm_config.obfuscation.memcached.enabled",
        text="Obfuscate memcached.command."),
    row("apm_obfuscation_memcached_keep_command", p.parse_bool, False, yaml="apm_config.obfuscation.memcached.keep_command",
        text="Keep the command's name when memcached.command is obfuscated."),
    row("apm_obfuscation_mongodb_enabled", p.parse_bool, False, yaml="apm_config.obfuscation.mongodb.enabled",
        text="Obfuscate mongodb.query."),
    row("apm_obfuscation_mongodb_keep_values", structured.parse_names, (), yaml="apm_config.obfuscation.mongodb.keep_values",
        text="Keys of mongodb.query whose values stay as they are, between commas."),
    row("apm_obfuscation_mongodb_obfuscate_sql_values", structured.parse_names, (),
        yaml="apm_config.obfuscation.mongodb.obfuscate_sql_values",
        text="Keys of mongodb.query whose texts are SQL: it stays, without its literals."),
    row("apm_obfuscation_elasticsearch_enabled", p.parse_bool, False, yaml="apm_config.obfuscation.elasticsearch.enabled",
        text="Obfuscate elasticsearch.body."),
    row("apm_obfuscation_elasticsearch_keep_values", structured.parse_names, (), yaml="apm_config.obfuscation.elasticsearch.keep_values",
        text="Keys of elasticsearch.body whose values stay as they are, between commas."),
    row("apm_obfuscation_elasticsearch_obfuscate_sql_values", structured.parse_names, (),
        yaml="apm_config.obfuscation.elasticsearch.obfuscate_sql_values",
        text="Keys of elasticsearch.body whose texts are SQL: it stays, without its literals."),
    row("apm_obfuscation_opensearch_enabled", p.parse_bool, False, yaml="apm_config.obfuscation.opensearch.enabled",
        text="Obfuscate opensearch.body."),
    row("apm_obfuscation_opensearch_keep_values", structured.parse_names, (), yaml="apm_config.obfuscation.opensearch.keep_values",
        text="Keys of opensearch.body whose values stay as they are, between commas."),
    row("apm_obfuscation_opensearch_obfuscate_sql_values", structured.parse_names, (),
        yaml="apm_config.obfuscation.opensearch.obfuscate_sql_values",
        text="Keys of opensearch.body whose texts are SQL: it stays, without its literals."),
    row("apm_obfuscation_credit_cards_enabled", p.parse_bool, False, yaml="apm_config.obfuscation.credit_cards.enabled",
        text="Replace what looks like a card number in the tag card.number and in the attributes of span events."),
    row("apm_obfuscation_credit_cards_luhn", p.parse_bool, False, yaml="apm_config.obfuscation.credit_cards.luhn",
        text="Only obfuscate numbers whose check digit is right."),
    row("apm_obfuscation_credit_cards_keep_values", structured.parse_names, (), yaml="apm_config.obfuscation.credit_cards.keep_values",
        text="Keys that never hold card numbers, between commas."),
)

METRICS = group(
    "Metrics and DogStatsD",
    row("enhanced_metrics", p.parse_bool, True,
        "Make the aws.lambda.enhanced metrics."),
    row("lambda_proc_enhanced_metrics", p.parse_bool, True,
        "Among them those on CPU, network, file descriptors, threads and /tmp."),
    row("lambda_customer_metrics_exclude_tags", p.parse_comma_list, (),
        "Tag keys, between commas, that metrics go without (fewer billed series)."),
    row("metrics_config_compression_level", p.parse_compression_level, 3, yaml="metrics_config.compression_level", text=
        "The zstd level of metrics."),
    row("statsd_metric_namespace", p.parse_namespace, None, yaml=NO_YAML, text=
        "A prefix for the names of DogStatsD metrics."),
    row("dogstatsd_so_rcvbuf_bytes", p.parse_size, None, env="DOGSTATSD_SO_RCVBUF", text=
        "The receive buffer that the kernel is asked for, in bytes."),
    row("dogstatsd_buffer_size_bytes", p.parse_size, 8192, env="DOGSTATSD_BUFFER_SIZE", effect=ACCEPTED, text=
        "The bytes of one read. A datagram is always read whole, whatever its size."),
    row("dogstatsd_queue_size", p.parse_size, 1024, effect=ACCEPTED, text=
        "Datagrams between reader and parser. They are parsed as they are read: there is no queue."),
    row("dogstatsd_socket", p.parse_optional_text, None,
        "The path of a Unix datagram socket that takes metrics beside UDP port 8125. "
        "The system keeps some ten datagrams there: a client that is not told to wait (socket_timeout) drops what is beyond."),
    row("extension_metrics", p.parse_bool, False,
        "Also send the extension's figures about itself, as datadog.lambda_reactor.*: datagrams, losses, flushes, bytes."),
)

OTLP = group(
    "OTLP",
    row("otlp_config_traces_enabled", p.parse_bool, True, yaml="otlp_config.traces.enabled", text=
        "Take OTLP traces; receivers start only if an endpoint below is set too."),
    row("otlp_config_receiver_protocols_http_endpoint", p.parse_optional_text, None, effect=MISSING, text=
        "Turns on OTLP over HTTP. Only the port counts; the receiver listens on 127.0.0.1.",
        yaml="otlp_config.receiver.protocols.http.endpoint"),
    row("otlp_config_receiver_protocols_grpc_endpoint", p.parse_optional_text, None, effect=MISSING, text=
        "Turns on OTLP over gRPC. Only the port counts; the receiver listens on 127.0.0.1.",
        yaml="otlp_config.receiver.protocols.grpc.endpoint"),
    row("otlp_config_receiver_protocols_grpc_max_recv_msg_size_mib", p.parse_grpc_mib, 4, text=
        "The largest gRPC message, in MiB, 1 to 50.", yaml="otlp_config.receiver.protocols.grpc.max_recv_msg_size_mib"),
    row("otlp_config_traces_span_name_as_resource_name", p.parse_bool, False, yaml="otlp_config.traces.span_name_as_resource_name", text=
        "Use the span's name as the resource."),
    row("otlp_config_traces_span_name_remappings", p.parse_pairs, {}, yaml="otlp_config.traces.span_name_remappings", text=
        "New names for spans, old:new between commas or blanks."),
    row("otlp_config_ignore_missing_datadog_fields", p.parse_bool, False, yaml="otlp_config.traces.ignore_missing_datadog_fields", text=
        "Do not work out Datadog's fields where a span does not carry them."),
    row("otlp_config_receiver_protocols_grpc_transport", p.parse_optional_text, None, effect=ACCEPTED, text="Always TCP.",
        yaml="otlp_config.receiver.protocols.grpc.transport"),
    row("otlp_config_metrics_enabled", p.parse_bool, False, effect=ACCEPTED, yaml="otlp_config.metrics.enabled", text=NO_OTLP_METRICS),
    row("otlp_config_metrics_resource_attributes_as_tags", p.parse_bool, False, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.resource_attributes_as_tags"),
    row("otlp_config_metrics_instrumentation_scope_metadata_as_tags", p.parse_bool, False, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.instrumentation_scope_metadata_as_tags"),
    row("otlp_config_metrics_tag_cardinality", p.parse_optional_text, None, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.tag_cardinality"),
    row("otlp_config_metrics_delta_ttl", p.parse_i32, None, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.delta_ttl"),
    row("otlp_config_metrics_histograms_mode", p.parse_optional_text, None, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.histograms.mode"),
    row("otlp_config_metrics_histograms_send_count_sum_metrics", p.parse_bool, False, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.histograms.send_count_sum_metrics"),
    row("otlp_config_metrics_histograms_send_aggregation_metrics", p.parse_bool, False, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.histograms.send_aggregation_metrics"),
    row("otlp_config_metrics_sums_cumulative_monotonic_mode", p.parse_optional_text, None, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.sums.cumulative_monotonic_mode"),
    row("otlp_config_metrics_sums_initial_cumulative_monotonic_value", p.parse_optional_text, None, effect=ACCEPTED,
        text="OTLP metrics are not taken. The product's own spelling of the variable lacks an E; both are known.",
        env="OTLP_CONFIG_METRICS_SUMS_INITIAL_CUMULATIVE_MONOTONIC_VALUE OTLP_CONFIG_METRICS_SUMS_INITIAL_CUMULATIV_MONOTONIC_VALUE",
        yaml="otlp_config.metrics.sums.initial_cumulative_monotonic_value otlp_config.metrics.sums.initial_cumulativ_monotonic_value"),
    row("otlp_config_metrics_summaries_mode", p.parse_optional_text, None, effect=ACCEPTED, text=NO_OTLP_METRICS,
        yaml="otlp_config.metrics.summaries.mode"),
    row("otlp_config_traces_probabilistic_sampler_sampling_percentage", p.parse_i32, None, effect=ACCEPTED,
        text="Every OTLP trace that arrives is kept.", yaml="otlp_config.traces.probabilistic_sampler.sampling_percentage"),
    row("otlp_config_logs_enabled", p.parse_bool, False, effect=ACCEPTED, yaml="otlp_config.logs.enabled", text=
        "OTLP logs are not taken."),
)

LIFECYCLE = group(
    "Flushing and the runtime proxy",
    row("serverless_flush_strategy", parse_strategy, ADAPTIVE,
        "When telemetry leaves: unset (adapts to the rate of invocations), end, or end, periodically or continuously with milliseconds, "
        "as in periodically,60000."),
    row("experimental_enable_proxy", p.parse_bool, False, effect=MISSING, text=
        "Put the extension between runtime and platform, together with the wrapper script."),
)

APPSEC = group(
    "App and API Protection",
    row("serverless_appsec_enabled", p.parse_bool, False, effect=MISSING, text=
        "Watch requests for attacks; needs the wrapper script, because the payloads come through the runtime proxy."),
    row("appsec_rules", p.parse_optional_text, None,
        "A JSON file of rules instead of the recommended ones."),
    row("appsec_waf_timeout_us", p.parse_unsigned, 5000, env="APPSEC_WAF_TIMEOUT", text=
        "Longest time spent on one request, in microseconds."),
    row("api_security_enabled", p.parse_bool, True,
        "Describe the schema of requests and responses."),
    row("api_security_sample_delay_s", p.parse_seconds, 30.0, env="API_SECURITY_SAMPLE_DELAY", text=
        "Seconds between two schemas of one endpoint; 0 takes every request."),
    row("apm_tracing_enabled", p.parse_standalone_flag, True,
        "False is standalone security: traces without a security event are not kept."),
    row("trace_client_ip_header", p.parse_optional_text, None,
        "The one header that names the client's address."),
    row("appsec_trace_rate_limit", p.parse_u32, 100,
        "How many security traces a second are kept at most."),
    row("appsec_obfuscation_parameter_key_regexp", p.parse_text, None,
        "Keys whose values are hidden in security events: a regular expression; empty is off, unset the product's own."),
    row("appsec_obfuscation_parameter_value_regexp", p.parse_text, None,
        "Values that are hidden in security events: a regular expression; empty is off, unset the product's own."),
)
# fmt: on

SETTINGS: tuple[Setting, ...] = GENERAL + TAGGING + KEYS + LOGS + APM + OBFUSCATION + METRICS + OTLP + LIFECYCLE + APPSEC
