"""What obfuscation does to a span, by its type. (specification, traces 9.1)

The results for queries and URLs are remembered: a function sends the same few again and again. What is off by default is only imported
when it is on.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from protocols.memo import Memo

from .redis import obfuscate_command, obfuscate_memcached, quantise, remove_arguments
from .replace import ReplaceRule, compile_replace_rules
from .sql import obfuscate_sql
from .sql_shape import shape_of
from .sql_tokens import GENERIC, MSSQL, POSTGRESQL
from .url import obfuscate_url

SQL_CACHE_BYTES_MAX = 512 * 1024  # of the texts of each dialect, and as much again of their shapes
URL_CACHE_BYTES_MAX = 1024 * 1024

Span = dict[str, Any]
Step = Callable[[Span], None]
Rewrite = Callable[[str], str]


@attrs.frozen
class ObfuscationSettings:
    """What is on beside URLs, SQL and the names of Redis commands. `*_keep` and `*_sql` are keys."""

    http_remove_query_string: bool = False
    http_remove_paths_with_digits: bool = False
    redis_enabled: bool = False
    redis_remove_all_args: bool = False
    valkey_enabled: bool = False
    valkey_remove_all_args: bool = False
    memcached_enabled: bool = False
    memcached_keep_command: bool = False
    mongodb_enabled: bool = False
    mongodb_keep: tuple[str, ...] = ()
    mongodb_sql: tuple[str, ...] = ()
    elasticsearch_enabled: bool = False
    elasticsearch_keep: tuple[str, ...] = ()
    elasticsearch_sql: tuple[str, ...] = ()
    opensearch_enabled: bool = False
    opensearch_keep: tuple[str, ...] = ()
    opensearch_sql: tuple[str, ...] = ()
    credit_cards_enabled: bool = False
    credit_cards_luhn: bool = False
    credit_cards_keep: tuple[str, ...] = ()
    replace_rules: tuple[ReplaceRule, ...] = ()


def unheard(message: str) -> None:
    """Where there is nobody to tell."""


def make_obfuscator(settings: ObfuscationSettings, warn: Callable[[str], None] = unheard) -> Step:
    """A function that changes a span in place. `warn` is told, now, of each replace rule that cannot be applied."""
    by_type = steps_by_type(settings)
    replacer, errors = compile_replace_rules(settings.replace_rules)
    for error in errors:
        warn(error)
    around = [_cards(settings)] if settings.credit_cards_enabled else []

    def obfuscate_by_type(span: Span) -> None:
        step = by_type.get(span["type"])
        if step is not None:
            step(span)

    return _in_order([*around, obfuscate_by_type, *([replacer.apply] if len(replacer) else [])])


def _in_order(steps: list[Step]) -> Step:
    if len(steps) == 1:
        return steps[0]

    def obfuscate(span: Span) -> None:
        for step in steps:
            step(span)

    return obfuscate


def steps_by_type(settings: ObfuscationSettings) -> dict[str, Step]:
    """What is done to spans of each type; types that need nothing are not in it."""
    url = _url(settings)
    sql = _sql()
    steps: dict[str, Step] = {"web": url, "http": url, "sql": sql, "cassandra": sql, "redis": _quantise, "valkey": _quantise}
    if settings.redis_enabled:
        steps["redis"] = _in_order([_quantise, _tag("redis.raw_command", _command(settings.redis_remove_all_args))])
    if settings.valkey_enabled:
        steps["valkey"] = _in_order([_quantise, _tag("valkey.raw_command", _command(settings.valkey_remove_all_args))])
    if settings.memcached_enabled:
        steps["memcached"] = _tag("memcached.command", partial(obfuscate_memcached, keep_command=settings.memcached_keep_command))
    if settings.mongodb_enabled:
        steps["mongodb"] = _tag("mongodb.query", _json(settings.mongodb_keep, settings.mongodb_sql))
    if settings.elasticsearch_enabled:
        steps["elasticsearch"] = _tag("elasticsearch.body", _json(settings.elasticsearch_keep, settings.elasticsearch_sql))
    if settings.opensearch_enabled:
        steps["opensearch"] = _tag("opensearch.body", _json(settings.opensearch_keep, settings.opensearch_sql))
    return steps


def _weigh(text: str, result: str) -> int:
    """Four bytes is the most that a character takes."""
    return 4 * (len(text) + len(result))


def _url(settings: ObfuscationSettings) -> Step:
    rewrite = partial(obfuscate_url, remove_query=settings.http_remove_query_string, remove_digits=settings.http_remove_paths_with_digits)
    urls: Memo[str, str] = Memo(rewrite, _weigh, URL_CACHE_BYTES_MAX)

    def obfuscate(span: Span) -> None:
        meta = span["meta"]
        if "http.url" in meta:
            meta["http.url"] = urls[meta["http.url"]]

    return obfuscate


def _sql() -> Step:
    queries = {dialect: _queries(dialect) for dialect in (GENERIC, MSSQL, POSTGRESQL)}
    generic = queries[GENERIC]

    def obfuscate(span: Span) -> None:
        resource, meta = span["resource"], span["meta"]
        if resource:
            span["resource"] = meta["sql.query"] = queries.get(meta.get("db.type", "").lower(), generic)[resource]

    return obfuscate


def _queries(dialect: str) -> Memo[str, str]:
    """Results by text. A text that was not seen before may be of a shape that was."""
    read = partial(obfuscate_sql, db_type=dialect)
    shapes: Memo[str, str] = Memo(read, _weigh, SQL_CACHE_BYTES_MAX)

    def obfuscate(text: str) -> str:
        shape = shape_of(text)
        return read(text) if shape == text else shapes[shape]

    return Memo(obfuscate, _weigh, SQL_CACHE_BYTES_MAX)


def _quantise(span: Span) -> None:
    span["resource"] = quantise(span["resource"])


def _tag(key: str, rewrite: Rewrite) -> Step:
    def obfuscate(span: Span) -> None:
        meta = span["meta"]
        if key in meta:
            meta[key] = rewrite(meta[key])

    return obfuscate


def _command(remove_all_arguments: bool) -> Rewrite:
    return remove_arguments if remove_all_arguments else obfuscate_command


def _json(keep: tuple[str, ...], transformed: tuple[str, ...]) -> Rewrite:
    from .json_values import obfuscate_json

    return partial(obfuscate_json, keep=frozenset(keep), transformed=frozenset(transformed), transform=obfuscate_sql)


def _cards(settings: ObfuscationSettings) -> Step:
    from .cards import hide_in_span

    return partial(hide_in_span, luhn=settings.credit_cards_luhn, keep=frozenset(settings.credit_cards_keep))
