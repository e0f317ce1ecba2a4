"""Hints for names that are close to a setting's. Only names are looked at, never values; a hint changes nothing.

Names that belong to the tracers and client libraries are left in peace.
"""

from collections.abc import Iterable, Iterator, Mapping

from .settings import SETTINGS

NAMES_MAX = 20  # the first so many unknown names are looked at: each costs about a millisecond
LENGTH_MIN = 4  # shorter names are near to everything

# Families of variables that others read: tracers, client libraries, serverless plug-ins.
FOREIGN_FAMILIES = """
    TRACE_ PROFILING_ APPSEC_ API_SECURITY_ IAST_ INSTRUMENTATION_ REMOTE_ LLMOBS_ DYNAMIC_ EXCEPTION_ CODE_ORIGIN_ SYMBOL_DATABASE_
    CIVISIBILITY_ TEST_ RUNTIME_METRICS_ DATA_STREAMS_ DBM_ GIT_ SPAN_ CRASHTRACKING_ INTEGRATIONS_ COLD_START_ PROPAGATION_ TELEMETRY_
    SPARK_ AZURE_ GCP_ KUBERNETES_ CONTAINER_ EXPERIMENTAL_ HTTP_ GRPC_ CRASH_ DISTRIBUTED_ INTERNAL_ INJECT_ INJECTION_ LOADER_
    JMXFETCH_ DOTNET_ NATIVE_
"""
FOREIGN_NAMES = """
    AGENT_HOST AGENT_PORT AGENTLESS_LOG_SUBMISSION_ENABLED APM_ENABLED APP_KEY CAPTURE_PAYLOAD DECODE_AUTHORIZER_CONTEXT DOGSTATSD_DISABLE
    DOGSTATSD_HOST DOGSTATSD_PORT DOGSTATSD_URL ENCODE_AUTHORIZER_CONTEXT ENTITY_ID EXTENSION_VERSION EXTERNAL_ENV FLUSH_IN_THREAD
    FLUSH_TO_LOG FORWARDER HOST HOSTNAME INSTALL_INFO INTEGRATION_TEST LAMBDA_HANDLER LOCAL_TEST LOG_FILE LOG_FORMAT LOGS_INJECTION
    MERGE_XRAY_TRACES MIN_COLD_START_DURATION PROFILER_ENABLED STATSD_HOST STATSD_PORT STATSD_URL UNIVERSAL_INSTRUMENTATION
    USE_COMPRESSION
"""

# What people put in front of a name, or leave out there.
HABITUAL_PREFIXES = """
    DD_ DATADOG_ LAMBDA_ SERVERLESS_ EXTENSION_ LAMBDA_EXTENSION_ APM_ APM_CONFIG_ LOGS_ LOGS_CONFIG_ METRICS_CONFIG_ OTLP_ OTLP_CONFIG_
    TRACE_
"""


def hints(unknown: Iterable[str], document: Mapping[object, object]) -> Iterator[tuple[str, str]]:
    """(name, hint) of each unknown variable, and of each unknown top-level YAML key, that is close to a known name."""
    names = {name for setting in SETTINGS for name in setting.env}
    for exact in sorted(unknown)[:NAMES_MAX]:
        prefix, _, name = exact.upper().partition("_")
        if not is_foreign(name) and (near := nearest(name, names)):
            yield exact, f"no setting has this name; did you mean {prefix}_{near}?"
    tops = {path.partition(".")[0] for setting in SETTINGS for path in setting.yaml}
    strange = [key for key in map(str, document) if key not in tops and key.isprintable()]
    for key in sorted(strange)[:NAMES_MAX]:
        if near := nearest(key, tops):
            yield f"datadog.yaml {key}", f"no setting has this name; did you mean {near}?"


def is_foreign(name: str) -> bool:
    return name in FOREIGN_NAMES.split() or name.startswith(tuple(FOREIGN_FAMILIES.split()))


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that differs by a habitual prefix or by one or two letters (two only in long names), or nothing."""
    candidates = sorted(known)
    for candidate in candidates:
        if differs_by_prefix(name.upper(), candidate.upper()):
            return candidate
    if len(name) < LENGTH_MIN:
        return ""
    for edits in (0, 1, 2) if len(name) >= 8 else (0, 1):
        for candidate in candidates:
            if abs(len(candidate) - len(name)) <= edits and len(candidate) >= LENGTH_MIN and within(name.upper(), candidate.upper(), edits):
                return candidate
    return ""


def differs_by_prefix(name: str, known: str) -> bool:
    long, short = (name, known) if len(name) > len(known) else (known, name)
    front = long.removesuffix(short)
    if front == long or front not in HABITUAL_PREFIXES.split():
        return False
    return len(short) >= 8 or front in ("DD_", "DATADOG_")


def within(a: str, b: str, edits: int) -> bool:
    """Whether `a` becomes `b` by at most `edits` insertions, deletions, replacements or swaps of neighbours."""
    start = 0
    while start < len(a) and start < len(b) and a[start] == b[start]:
        start += 1
    a, b = a[start:], b[start:]
    if not a or not b:
        return len(a) + len(b) <= edits
    if edits == 0 or abs(len(a) - len(b)) > edits:
        return False
    left = edits - 1
    if within(a[1:], b[1:], left) or within(a[1:], b, left) or within(a, b[1:], left):
        return True
    return a[:2] == b[1::-1] and within(a[2:], b[2:], left)
