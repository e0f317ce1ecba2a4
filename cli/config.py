"""`lambda-reactor config`: what the extension would run with, where each value comes from, and what is wrong with it.

Works on the environment of this shell, on files that stand for a function's configuration, or (markdown) on the list of settings
alone. Secrets are never printed, only how long they are.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping

from reactor.config.derive import INTAKES
from reactor.config.finding import Finding
from reactor.config.load import FILE_BYTES_MAX, resolve, yaml_path
from reactor.config.resolution import Resolution, masked, shown, shown_value, source_of, without_password
from reactor.config.settings import ACCEPTED, MISSING, SETTINGS, Setting

DESCRIPTION = """\
Print the effective configuration of the extension: every setting, its value, and the source that won.

Sources, weakest first: defaults, datadog.yaml, variables with DATADOG_, variables with DD_; what follows from several of them is
marked "derived". A value that cannot be used is reported and gives way to the next weaker source, alone. Secrets show only their length.
"""
EPILOG = """\
Exit status: 0 when the configuration is sound or has warnings only, 1 when a finding is an error, 2 when a file cannot be read.

Examples:
  lambda-reactor config                                    the environment of this shell
  lambda-reactor config --env-file function.env            a function's variables, one KEY=VALUE a line
  lambda-reactor config --yaml datadog.yaml --format json  for scripts
  lambda-reactor config --format markdown                  the reference of all settings
"""


class EnvFileError(Exception):
    """A line of an env file that is none; the message is `file:line: reason`."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "config",
        help="print the effective configuration, its sources and what is wrong with it",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--env-file", metavar="FILE", help="take the variables from this file (KEY=VALUE, # comments, quotes), not from the shell"
    )
    parser.add_argument(
        "--yaml", metavar="FILE", help="the datadog.yaml to read; default: the one in LAMBDA_TASK_ROOT, as the extension does"
    )
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="default: text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.format == "markdown":
        print(settings_reference(), end="")
        return 0
    try:
        env = read_env_file(args.env_file) if args.env_file else dict(os.environ)
        yaml_text = read_yaml(args.yaml, env)
    except (EnvFileError, OSError) as error:
        print(f"lambda-reactor config: {error}", file=sys.stderr)
        return 2
    resolution = resolve(env, yaml_text)
    print(as_json(resolution) if args.format == "json" else as_text(resolution))
    return 1 if any(finding.level == "ERROR" for finding in resolution.findings) else 0


def read_yaml(path: str | None, env: Mapping[str, str]) -> str | None:
    """The YAML text; a file that was named must be there, the default one need not."""
    try:
        with open(path or yaml_path(env), "rb") as file:
            return file.read(FILE_BYTES_MAX + 1).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        if path:
            raise
        return None


def read_env_file(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return parse_env_lines(path, file)


def parse_env_lines(name: str, lines: Iterable[str]) -> dict[str, str]:
    """Variables of KEY=VALUE lines. Empty lines and those that begin with # count for nothing; of the same key the last line counts."""
    variables = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, equals, value = text.removeprefix("export ").partition("=")
        key = key.strip()
        if not equals:
            raise EnvFileError(f"{name}:{number}: no = in the line; write KEY=VALUE")
        if not (key.isascii() and key.isidentifier()):
            raise EnvFileError(f"{name}:{number}: the part before = is no name of a variable")
        try:
            variables[key] = unquoted(value.strip())
        except ValueError as error:
            raise EnvFileError(f"{name}:{number}: {error}") from None
    return variables


def unquoted(value: str) -> str:
    """`'...'` as it stands, `"..."` with backslash escapes, anything else up to a blank and #. ValueError says what is wrong."""
    quote = value[:1]
    if quote not in ("'", '"'):
        return value.partition(" #")[0].rstrip()
    inside, rest = quoted_part(value[1:], quote)
    if rest and not rest.startswith("#"):
        raise ValueError("text after the closing quote")
    return inside


def quoted_part(text: str, quote: str) -> tuple[str, str]:
    """The text up to the closing quote, and what follows it."""
    inside: list[str] = []
    characters = iter(enumerate(text))
    for at, character in characters:
        if character == quote:
            return "".join(inside), text[at + 1 :].strip()
        if character == "\\" and quote == '"':
            _, character = next(characters, (at, ""))
            character = {"n": "\n", "t": "\t", "r": "\r"}.get(character, character)
        inside.append(character)
    raise ValueError("the closing quote is missing")


def as_text(resolution: Resolution) -> str:
    lines = []
    width = max(len(setting.name) for setting in SETTINGS)
    for group, settings in groups():
        lines += ["", group]
        for setting in settings:
            value = shown(setting, resolution.values[setting.name])
            lines.append(f"  {setting.name:{width}}  {value}  [{source_of(setting, resolution)}]")
    lines += ["", "Derived", *(f"  {name:{width}}  {value}" for name, value in derived_values(resolution))]
    lines += ["", "Findings" if resolution.findings else "No findings", *(f"  {f.level:5} {f.line()}" for f in resolution.findings)]
    return "\n".join(lines[1:])


def derived_values(resolution: Resolution) -> Iterator[tuple[str, str]]:
    """What no single setting says: destinations (keys only as their length), proxy, ports."""
    urls, additional = resolution.values["intake_urls"], resolution.values["additional_intakes"]
    assert isinstance(urls, dict)
    assert isinstance(additional, dict)
    for product, url in urls.items():
        yield f"intake of {product}", url
        for extra, key in additional.get(product, ()):
            yield f"also {product}", f"{extra}, key {masked(key)}"
    for name in ("https_proxy_url", "no_proxy", "otlp_http_port", "otlp_grpc_port"):
        yield name, shown_value(resolution.values[name])


def as_json(resolution: Resolution) -> str:
    import json

    report = {
        "settings": {
            setting.name: {"value": json_value(setting, resolution.values[setting.name]), "source": source_of(setting, resolution)}
            for setting in SETTINGS
        },
        "derived": [{"name": name, "value": value} for name, value in derived_values(resolution)],
        "findings": [json_finding(finding) for finding in resolution.findings],
    }
    return json.dumps(report, indent=2)


def json_value(setting: Setting, value: object) -> object:
    if setting.secret:
        return masked(value)
    return without_password(value) if isinstance(value, str) else value


def json_finding(finding: Finding) -> dict[str, str]:
    return {
        "level": finding.level,
        "setting": finding.setting,
        "source": finding.source,
        "shown_value": finding.shown_value,
        "reason": finding.reason,
        "used_instead": finding.used_instead,
    }


def groups() -> Iterator[tuple[str, list[Setting]]]:
    for title in dict.fromkeys(setting.group for setting in SETTINGS):
        yield title, [setting for setting in SETTINGS if setting.group == title]


REFERENCE_HEAD = """\
# Settings

Printed by `lambda-reactor config --format markdown`; edit `reactor/config/settings.py` instead of this page.

The sources, weakest first: the default, `datadog.yaml` in the function's folder, the variable with `DATADOG_`, the variable with `DD_`.
Every variable below also works with `DATADOG_`, and in any case of letters. A value that cannot be used is reported in one line and gives
way to the next weaker source, alone. `lambda-reactor config` shows the effective values and where they come from.

Booleans are `true` or `false` (`1`, `0`, `yes`, `no`, `on`, `off`, `t`, `f` work too). A setting marked *no effect* is accepted because
users of the product set it; one line says that nothing comes of it.
"""


def settings_reference() -> str:
    """docs/settings.md."""
    parts = [REFERENCE_HEAD]
    for title, settings in groups():
        parts += ["", f"## {title}", "", "| Variable | `datadog.yaml` | Default | Meaning |", "| --- | --- | --- | --- |"]
        parts += [reference_row(setting) for setting in settings]
    parts += ["", "## Where everything goes", "", "| Product | Default destination |", "| --- | --- |"]
    parts += [f"| {product} | `https://{host}<site>{path}` |" for product, (host, path) in INTAKES.items()]
    return "\n".join(parts).replace("\n\n\n", "\n\n") + "\n"


def reference_row(setting: Setting) -> str:
    variables = "<br>".join(f"`DD_{name}`" for name in setting.env)
    yaml = f"`{setting.yaml[0]}`" if setting.yaml else "-"
    default = "" if setting.default in (None, "", (), {}) else f"`{default_text(setting)}`"
    word = {ACCEPTED: "*No effect.* ", MISSING: "*Not there yet.* "}.get(setting.effect, "")
    meaning = word + setting.text
    return f"| {variables} | {yaml} | {default} | {escaped(meaning)} |"


def default_text(setting: Setting) -> str:
    value = setting.default
    if isinstance(value, bool):
        return str(value).lower()
    if setting.name == "serverless_flush_strategy":
        return "default"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def escaped(text: str) -> str:
    """For a cell of a markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")
