"""A command starts quickly: it imports nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from connector.cli.main import COMMANDS, SUMMARIES, cli

HEAVY = ("sqlalchemy", "hubspot", "rich", "structlog", "pydantic", "fastapi", "orjson", "yaml")

UNUSED_BY_RUNS = ("connector.sandbox", "connector.daemon", "fastapi", "uvicorn", "apprise")


def imported_modules(*arguments: str) -> set[str]:
    """Return the modules that one command line has imported at its end, by a fresh process."""
    script = (
        "import sys\n"
        "from connector.cli.main import run_command\n"
        f"run_command({list(arguments)!r})\n"
        "print('modules:', *sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    return set(result.stdout.rpartition("modules:")[2].split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_no_library_but_click(option: str) -> None:
    modules = imported_modules(option)
    assert modules.isdisjoint(HEAVY)
    assert len([name for name in modules if name.startswith("connector")]) <= 8
    assert len(modules) <= 250


@pytest.mark.parametrize(
    ("command", "unused"),
    [
        ("plan", list(UNUSED_BY_RUNS)),
        ("explain", list(UNUSED_BY_RUNS)),
        ("audit", ["connector.sandbox", "connector.daemon", "fastapi", "hubspot.crm"]),
    ],
)
def test_a_command_loads_nothing_that_it_does_not_use(command: str, unused: list[str]) -> None:
    modules = imported_modules(command, "--help")
    assert [name for name in unused if name in modules] == []


@pytest.mark.parametrize(("command", "accepted"), [("plan", 830), ("explain", 920)])
def test_a_command_loads_hardly_more_modules_than_when_they_were_last_counted(
    command: str, accepted: int
) -> None:
    assert len(imported_modules(command, "--help")) <= accepted * 1.02


def test_the_list_of_commands_says_what_each_command_says_of_itself() -> None:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert SUMMARIES.get(name) == command.get_short_help_str(limit=200)
