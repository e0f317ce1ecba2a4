"""From the settings to the obfuscator's and the trace filter's own: which variable turns on what."""

from pipelines.traces.filter_tags import FilterTags
from pipelines.traces.obfuscate.obfuscator import ObfuscationSettings
from reactor.config.values import Settings


def obfuscation_settings(settings: Settings) -> ObfuscationSettings:
    return ObfuscationSettings(
        http_remove_query_string=settings.apm_config_obfuscation_http_remove_query_string,
        http_remove_paths_with_digits=settings.apm_config_obfuscation_http_remove_paths_with_digits,
        redis_enabled=settings.apm_obfuscation_redis_enabled,
        redis_remove_all_args=settings.apm_obfuscation_redis_remove_all_args,
        valkey_enabled=settings.apm_obfuscation_valkey_enabled,
        valkey_remove_all_args=settings.apm_obfuscation_valkey_remove_all_args,
        memcached_enabled=settings.apm_obfuscation_memcached_enabled,
        memcached_keep_command=settings.apm_obfuscation_memcached_keep_command,
        mongodb_enabled=settings.apm_obfuscation_mongodb_enabled,
        mongodb_keep=settings.apm_obfuscation_mongodb_keep_values,
        mongodb_sql=settings.apm_obfuscation_mongodb_obfuscate_sql_values,
        elasticsearch_enabled=settings.apm_obfuscation_elasticsearch_enabled,
        elasticsearch_keep=settings.apm_obfuscation_elasticsearch_keep_values,
        elasticsearch_sql=settings.apm_obfuscation_elasticsearch_obfuscate_sql_values,
        opensearch_enabled=settings.apm_obfuscation_opensearch_enabled,
        opensearch_keep=settings.apm_obfuscation_opensearch_keep_values,
        opensearch_sql=settings.apm_obfuscation_opensearch_obfuscate_sql_values,
        credit_cards_enabled=settings.apm_obfuscation_credit_cards_enabled,
        credit_cards_luhn=settings.apm_obfuscation_credit_cards_luhn,
        credit_cards_keep=settings.apm_obfuscation_credit_cards_keep_values,
        replace_rules=settings.apm_replace_tags,
    )


def filter_tags(settings: Settings) -> FilterTags:
    """Its `errors` are to be told. One without conditions is false."""
    return FilterTags(
        require=settings.apm_filter_tags_require,
        reject=settings.apm_filter_tags_reject,
        regex_require=settings.apm_filter_tags_regex_require,
        regex_reject=settings.apm_filter_tags_regex_reject,
    )
