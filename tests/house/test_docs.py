"""What the documents promise is there: each command, each link, each example."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from connector.cli.main import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def _find_command(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_in_the_readme_and_its_help_has_examples(name: str) -> None:
    assert f"connector {name}" in (ROOT / "README.md").read_text(encoding="utf-8")
    command = _find_command(name)
    assert command.help
    assert "Examples:" in (command.epilog or "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing_links = [link for link in links if not (page.parent / link).exists()]
    assert missing_links == []


def test_every_file_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:connector|state|mappings)/[\w./]*)`", text)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_option_that_an_example_uses_exists(name: str) -> None:
    command = _find_command(name)
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    known_options = {
        option
        for part in commands
        for parameter in part.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    examples = re.findall(rf"connector {name}([^|>\n]*)", command.epilog or "")
    used_options = {word for line in examples for word in line.split() if word.startswith("--")}
    assert isinstance(command, click.Command)
    assert used_options <= known_options


def test_cleaning_up_never_deletes_the_database() -> None:
    _, _, recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nclean:")
    removed = recipe.splitlines()[1].split("rm -rf")[1].split()
    assert "var" not in removed
    assert not any(name.startswith("var/") for name in removed)
