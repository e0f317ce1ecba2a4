"""From the environment and the text of datadog.yaml to `Settings` and findings. Pure, and never raises.

Defaults give way to YAML, YAML to `DATADOG_` variables, those to `DD_` variables; a value that cannot be used gives way to the next
lower source, alone: no value takes its neighbours with it (specification, configuration 1 and 10).
"""

from __future__ import annotations  # the types below are for readers and checkers

from typing import TYPE_CHECKING

from .derive import derive
from .reading import ERROR, UNSET, WARN, BadValue, Note, Reading
from .resolution import DATADOG, DD, DEFAULT, YAML, Resolution, shown, shown_value
from .settings import ACCEPTED, MISSING, SETTINGS, Setting
from .values import Settings

FILE_BYTES_MAX = 1024 * 1024
ADAPTER_PROXY = "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
MERGED_WITH_YAML = ("tags",)  # the file's entries stay, a variable wins for the same key (specification, tags 2.1)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .finding import Finding

    Document = dict[object, object]
    Candidate = tuple[str, str, object]  # (kind of source, exact name, raw value)
    Variables = dict[str, dict[str, tuple[str, str]]]  # prefix to name without it (upper case) to (exact name, raw text)


def load(env: Mapping[str, str], yaml_text: str | None) -> tuple[Settings, tuple[Finding, ...]]:
    """The settings of this sandbox and what the user should know about them. `yaml_text` is None when there is no file."""
    resolution = resolve(env, yaml_text)
    return Settings(**resolution.values), tuple(resolution.findings)


def load_from_disk(env: Mapping[str, str]) -> tuple[Settings, tuple[Finding, ...]]:
    """As `load`, with the text of the file where LAMBDA_TASK_ROOT says it is. What cannot be read is a finding, too."""
    try:
        text = read_text(env)
    except (OSError, ValueError) as error:
        settings, findings = load(env, None)
        from .finding import Finding

        reason = f"cannot be read: {type(error).__name__}"
        return settings, (Finding("datadog.yaml", "datadog.yaml", "", reason, "environment and defaults", ERROR), *findings)
    return load(env, text)


def read_text(env: Mapping[str, str]) -> str | None:
    """The text of the file; None where there is none. Raises OSError and ValueError where it cannot be read."""
    try:
        with open(yaml_path(env), "rb") as file:
            # One byte more than is allowed, so that the excess is seen.
            return file.read(FILE_BYTES_MAX + 1).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None


def yaml_path(env: Mapping[str, str]) -> str:
    return f"{env.get('LAMBDA_TASK_ROOT') or '/var/task'}/datadog.yaml"


def resolve(env: Mapping[str, str], yaml_text: str | None) -> Resolution:
    """As `load`, with the source of each value."""
    resolution = Resolution()
    document = read_document(yaml_text, resolution)
    variables = by_prefix(env)
    blocked: set[str] = set()
    for setting in SETTINGS:
        choose(setting, candidates(setting, variables, document, blocked, resolution), resolution)
    derive(resolution, env)
    report_accepted(resolution)
    report_missing(env, resolution)
    report_unknown(variables, document, resolution)
    return resolution


def read_document(yaml_text: str | None, resolution: Resolution) -> Document:
    if yaml_text is None:
        return {}
    from .yaml_source import YamlProblem, parse_document

    try:
        document, notes = parse_document(yaml_text)
    except YamlProblem as problem:
        notes = [(ERROR, problem.reason)]
        document = {}
    for level, reason in notes:
        instead = "" if document else "environment and defaults"
        resolution.report("datadog.yaml", "datadog.yaml", "", reason, instead, level)
    return document


def by_prefix(env: Mapping[str, str]) -> Variables:
    """The variables of each prefix. Names match in any case; of several spellings the upper-case one counts."""
    variables: Variables = {DD: {}, DATADOG: {}}
    for exact in env:
        upper = exact.upper()
        prefix = DD if upper.startswith(DD) else DATADOG if upper.startswith(DATADOG) else ""
        if prefix and exact.isascii() and exact.isprintable():
            name = upper[len(prefix) :]
            if exact == upper or name not in variables[prefix]:
                variables[prefix][name] = (exact, env[exact])
    return variables


def candidates(
    setting: Setting, variables: Variables, document: Document, blocked: set[str], resolution: Resolution
) -> Iterator[Candidate]:
    """The values on offer, best first."""
    for prefix in (DD, DATADOG):
        named = variables[prefix]
        for name in setting.env:
            if name in named:
                yield prefix, *named[name]
    if document:
        for path in setting.yaml:
            value = value_at(document, path, blocked, resolution)
            if value is not None:
                yield YAML, path, value


def value_at(document: Document, path: str, blocked: set[str], resolution: Resolution) -> object:
    """The value at a dotted path, or None. What stands where a map should be is reported once."""
    *parents, last = path.split(".")
    node, walked = document, ""
    for name in parents:
        below, walked = node.get(name), f"{walked}.{name}".strip(".")
        if not isinstance(below, dict):
            if below is not None and walked not in blocked:
                blocked.add(walked)
                resolution.report(walked, walked, shown_value(below), "not a map", "what other sources say", WARN)
            return None
        node = below
    return node.get(last)


def choose(setting: Setting, offered: Iterator[Candidate], resolution: Resolution) -> None:
    """Take the first value that can be used; what stood in its way becomes findings."""
    refused: list[tuple[str, object, Note]] = []
    kind, exact, chosen = DEFAULT, setting.name, setting.default
    for source, name, raw in offered:
        value, notes = parse_one(setting, source, raw)
        refused += [(name, raw, note) for note in notes]
        if value is UNSET:
            continue
        if kind == DEFAULT:
            kind, exact, chosen = source, name, value
        elif source == YAML:
            chosen = merged(value, chosen)
        if setting.name not in MERGED_WITH_YAML:
            break
    resolution.values[setting.name], resolution.sources[setting.name], resolution.names[setting.name] = chosen, kind, exact
    if refused:
        instead = f"{shown(setting, chosen)} ({kind if kind in (DEFAULT, YAML) else exact})"
        for name, raw, (level, reason) in refused:
            resolution.report(setting.name, name, shown(setting, raw), reason, instead, level)


def merged(lower: object, higher: object) -> object:
    assert isinstance(lower, dict)
    assert isinstance(higher, dict)
    return lower | higher


def parse_one(setting: Setting, source: str, raw: object) -> tuple[object, list[Note]]:
    """One value through its parser: the value or `UNSET`, and what to say. A parser that fails costs this value alone."""
    reading = Reading(native=source == YAML)
    if isinstance(raw, str) and not encodable(raw):
        return UNSET, [(WARN, "not UTF-8")]
    try:
        return setting.parse(raw, reading), reading.notes
    except BadValue as bad:
        return UNSET, [*reading.notes, (bad.level, bad.reason)]
    except Exception as error:  # the start must survive a defect of a parser
        return UNSET, [*reading.notes, (ERROR, f"the parser failed: {type(error).__name__}")]


def encodable(text: str) -> bool:
    """Variables that are no UTF-8 reach Python as lone surrogates, which nothing could send."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def report_accepted(resolution: Resolution) -> None:
    """Say once for each setting that has no effect here that it has none, unless it asks for what happens anyway."""
    for setting in SETTINGS:
        if setting.effect == ACCEPTED and resolution.values[setting.name] != setting.default:
            resolution.complain(setting.name, f"accepted without effect. {setting.text}", "", level=WARN)


def report_missing(env: Mapping[str, str], resolution: Resolution) -> None:
    """Whoever asks for what is not there is told so, loudly: the function runs without it."""
    for setting in SETTINGS:
        if setting.effect == MISSING and resolution.values[setting.name]:
            resolution.complain(setting.name, "this version does not have it", "nothing")
    if given := env.get(ADAPTER_PROXY):
        reason = "nobody serves it in this version, and the Lambda Web Adapter would wait for it: take the variable away"
        resolution.report(ADAPTER_PROXY, ADAPTER_PROXY, shown_value(given), reason, "nothing", ERROR)


def report_unknown(variables: Variables, document: Document, resolution: Resolution) -> None:
    known = {name for setting in SETTINGS for name in setting.env}
    unknown = [exact for named in variables.values() for name, (exact, _) in named.items() if name not in known]
    if unknown or document:
        from .typos import hints

        for exact, reason in hints(unknown, document):
            resolution.report(exact, exact, "", reason, "", WARN)
