"""Make the reference pages from the code, each time the documentation is built.

MkDocs calls `on_files` (its page "Hooks"); nothing of what it makes is committed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

ROOT: Final = Path(__file__).resolve().parents[1]
_LOG_LEVELS: Final = frozenset({"debug", "info", "warning", "error", "exception"})


def on_files(files: Any, config: Any) -> Any:
    """Add one generated page for each part of the reference."""
    from mkdocs.structure.files import File

    for name, write_page in PAGES.items():
        text = write_page()
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, **_context: Any) -> str:
    """Show links to files outside of the documentation as paths: the site has no such page."""
    return re.sub(r"\[([^\]]+)\]\((?:\.\./)+([^)]+)\)", r"\1 (`\2`)", markdown)


def commands_page() -> str:
    """Return every command's help, subcommands below their group."""
    from connector.cli.main import COMMANDS

    parts = ["# Commands", "", "Each has `--help` with examples."]
    for name, module in COMMANDS.items():
        command = getattr(import_module(f"connector.cli.{module}"), name)
        parts += _command_lines(command, ["connector", name], depth=2)
    return "\n".join(parts) + "\n"


def _command_lines(command: click.Command, path: list[str], *, depth: int) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(path), max_content_width=100)
    yield from ("", f"{'#' * depth} {' '.join(path)}", "", "```text", command.get_help(context))
    yield "```"
    if isinstance(command, click.Group):
        for name, subcommand in command.commands.items():
            yield from _command_lines(subcommand, [*path, name], depth=depth + 1)


def settings_page() -> str:
    """Return every setting with its default and choices, by environment or `connector.toml`."""
    from connector.config.setting_sources import CHOICES, DEFAULTS, SECRETS

    meanings = _readme_meanings()
    parts = ["# Settings", "", "By environment, or as the same names in `connector.toml`.", ""]
    parts += ["| name | default | choices | meaning |", "|---|---|---|---|"]
    for name, default in DEFAULTS.items():
        choices = ", ".join(f"`{choice}`" for choice in CHOICES.get(name, ()))
        meaning = meanings.get(name, "")
        secret = " Also as a file: `" + name + "_FILE`." if name in SECRETS else ""
        parts.append(
            f"| `{name}` | {f'`{default}`' if default else ''} | {choices} | {meaning}{secret} |"
        )
    return "\n".join(parts) + "\n"


def _readme_meanings() -> dict[str, str]:
    """Return what the README's table says of each setting."""
    meanings: dict[str, str] = {}
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 2:
            for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cells[0]):
                meanings[name] = re.sub(r"\[([^\]]+)\]\([^)h][^)]*\)", r"\1", cells[1])
    return meanings


def policy_settings_page() -> str:
    """Return every setting of a policy file, with its default and meaning."""
    from connector.core.policy.setting_table import SETTING_SPECS

    parts = [
        "# Policy settings",
        "",
        "Under `settings:` in a policy file, nested as dotted here.",
        "",
    ]
    parts += ["| name | default | meaning |", "|---|---|---|"]
    for spec in SETTING_SPECS.values():
        default = spec.default if spec.default not in (None, ()) else ""
        cell = str(default).replace("|", "\\|")
        parts.append(f"| `{spec.name}` | {f'`{cell}`' if cell else ''} | {spec.meaning} |")
    return "\n".join(parts) + "\n"


def metrics_page() -> str:
    """Return every metric that Prometheus is told, by its type."""
    from connector.telemetry.metrics import Metrics, Status

    metrics = Metrics()
    metrics.collect_status(lambda: Status(lag=0.0, requests_left=0))
    parts = [
        "# Metrics",
        "",
        "`GET /metrics`, for Prometheus.",
        "",
        "| name | type | meaning |",
        "|---|---|---|",
    ]
    for family in sorted(metrics.registry.collect(), key=lambda family: family.name):
        suffix = "_total" if family.type == "counter" else ""
        parts.append(f"| `{family.name}{suffix}` | {family.type} | {family.documentation} |")
    return "\n".join(parts) + "\n"


def log_events_page() -> str:
    """Return every event that is logged, with its level and the module that logs it."""
    parts = [
        "# Log events",
        "",
        "JSON lines, or pretty on a terminal (`CONNECTOR_LOG_FORMAT`).",
        "",
    ]
    parts += ["| event | level | where |", "|---|---|---|"]
    parts += [f"| `{event}` | {level} | `{module}` |" for event, level, module in log_events()]
    return "\n".join(parts) + "\n"


def log_events() -> list[tuple[str, str, str]]:
    """Return (event, level, module) of every log call in the code, sorted by event."""
    events: set[tuple[str, str, str]] = set()
    for path in sorted((ROOT / "connector").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="_log"), attr=level),
                    args=[ast.Constant(value=str(event)), *_],
                ) if level in _LOG_LEVELS:
                    events.add((event, level, str(path.relative_to(ROOT))))
    return sorted(events)


def exit_codes_page() -> str:
    """Return the exit codes of the operator's contract."""
    from connector.cli import main

    meanings = {
        main.SUCCESS: "done",
        main.ACTION_NEEDED: "you must act; the message says how",
        2: "`plan --exit-code` found corrections",
        main.BUG: "a bug of the connector, with a traceback",
        main.TRY_LATER: "HubSpot or the network would not; try later",
        main.INTERRUPTED: "interrupted; what was open is finished by the next start",
    }
    rows = [f"| {code} | {meaning} |" for code, meaning in meanings.items()]
    return "\n".join(["# Exit codes", "", "| code | meaning |", "|---|---|", *rows]) + "\n"


def assumptions_page() -> str:
    """Return what is assumed about HubSpot: why, how it is tried, what each answer means."""
    from connector.operations.trial.assumptions import ASSUMPTIONS

    parts = ["# Assumptions about HubSpot", ""]
    parts += [
        "`connector check --trial` tries them in a test account. `switch` is the sandbox's switch"
        " that imitates the answers.",
    ]
    for assumption in ASSUMPTIONS.values():
        parts += ["", f"## {assumption.name}", "", assumption.fact, ""]
        parts += [f"- Why it matters: {assumption.matters}"]
        parts += [f"- How it is tried: {assumption.tried or 'not. ' + assumption.untried}"]
        if assumption.switch:
            parts += [f"- Switch: `{assumption.switch}`"]
        parts += ["", "| seen | what the connector does |", "|---|---|"]
        parts += [f"| {item.seen} | {item.product} |" for item in assumption.reactions]
        if assumption.otherwise:
            parts += [f"| anything else | {assumption.otherwise} |"]
    return "\n".join(parts) + "\n"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "commands": commands_page,
    "settings": settings_page,
    "policy-settings": policy_settings_page,
    "metrics": metrics_page,
    "log-events": log_events_page,
    "exit-codes": exit_codes_page,
    "assumptions": assumptions_page,
}
