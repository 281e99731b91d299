"""Find the command lines that sources, screens and pages print, and parse each as a shell would."""

from __future__ import annotations

import ast
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final, cast
from unittest.mock import patch

import click

from connector.cli.main import cli

ROOT: Final = Path(__file__).resolve().parents[2]

_VARIABLES: Final = r"(?:[A-Z_]+=\S+ )*"
_IN_BACKTICKS: Final = re.compile(rf"`(?:\$ )?({_VARIABLES}connector [^`]*)`")
_WHOLE_LINE: Final = re.compile(
    rf"^\s*(?:\$ |- |run: |ExecStart=)?(?:docker compose exec connector )?"
    rf"({_VARIABLES}(?:\S*bin/)?connector [a-z-].*)$"
)
_PLACE: Final = "\0"
# What stands in a printed line for a value of the reader's.
_EXAMPLES: Final = {
    "EVENT": "deal-reopened",
    "FOLDER": ".",
    "ID": "123",
    "N": "50",
    "NAME": "lifecyclestage",
    "O": "applied",
    "P": "8765",
    "S": "7",
    "T": "2026-11-01",
    "W": "typical",
    _PLACE: "123",
}
_END_OF_COMMAND: Final = {"|", ">", ";", "&&", "…"}


@dataclass(frozen=True, kw_only=True)
class PrintedCommand:
    """One command line as it is printed; a place for a value that a screen fills in is NUL.

    `is_whole` says that it stands on a line of its own, so that it is typed just so; otherwise a
    text may name a command without its arguments.
    """

    source: str
    text: str
    is_whole: bool

    def __str__(self) -> str:
        return f"{self.source}: {self.text.replace(_PLACE, '{}')}"


@cache
def printed_commands() -> tuple[PrintedCommand, ...]:
    """Return every command line that sources, pages and files to deploy hold, each once."""
    by_text: dict[tuple[str, bool], PrintedCommand] = {}
    for path in _text_files():
        source = str(path.relative_to(ROOT))
        text = path.read_text(encoding="utf-8")
        for part in _literals(text) if path.suffix == ".py" else [text]:
            for command in _commands_of(source, part):
                by_text.setdefault((command.text, command.is_whole), command)
    return tuple(by_text.values())


def commands_in_output(text: str) -> list[PrintedCommand]:
    """Return the command lines that a screen has shown in backticks."""
    unfolded = re.sub(r"\s+", " ", text)
    return [
        PrintedCommand(source="output", text=match, is_whole=False)
        for match in _IN_BACKTICKS.findall(unfolded)
    ]


def problems(command: PrintedCommand) -> list[str]:
    """Return what the parser says of a printed line, for each way to read it; [] if all is well."""
    return [problem for line in _readings(command.text) if (problem := _problem(command, line))]


def _text_files() -> list[Path]:
    patterns = (
        "*.md",
        "docs/**/*.md",
        "connector/**/*.py",
        "connector/**/*.html",
        "state/**/*.py",
        "deploy/**/*",
        "mappings/*.yaml",
        "compose.yaml",
        "Makefile",
        ".env.example",
    )
    paths = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in paths if path.suffix not in {".json", ".pyc"})


def _literals(source: str) -> Iterator[str]:
    """Yield the texts of a Python source, with NUL where an f-string is filled in."""
    tree = ast.parse(source)
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else _PLACE
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _commands_of(source: str, text: str) -> Iterator[PrintedCommand]:
    for match in _IN_BACKTICKS.findall(text):
        yield PrintedCommand(source=source, text=" ".join(match.split()), is_whole=False)
    for line in text.splitlines():
        whole = _WHOLE_LINE.match(line)
        # A sentence that goes on with the product's name is no command line.
        if whole and "`" not in line and not line.endswith("."):
            has_arguments = len(whole[1].split()) > 3
            is_whole = has_arguments or not source.endswith(".py")
            yield PrintedCommand(source=source, text=whole[1], is_whole=is_whole)


def _readings(text: str) -> Iterator[str]:
    r"""Yield the lines that a usage stands for.

    >>> list(_readings("connector policy check\\|test [F]"))
    ['connector policy check [F]', 'connector policy test [F]']
    """
    words = text.replace("\\|", "|").split(" ")
    choices = [
        [word] if "|" not in word.strip("|") or "'" in word else _alternatives(word)
        for word in words
    ]
    for chosen in product(*choices):
        yield " ".join(chosen)


def _alternatives(word: str) -> list[str]:
    core = word.strip("[]")
    return [word.replace(core, alternative) for alternative in core.split("|")]


def _problem(command: PrintedCommand, line: str) -> str:
    """Return the parser's complaint about a line, "" where it can be typed.

    Where a usage has optional words that one of its commands does not take, the line must parse
    without them; an option must exist in any case.
    """
    problem = _parse(command, line.replace("[", "").replace("]", ""))
    optional = re.findall(r"\[([^]]*)\]", line)
    if problem and optional and not any("--" in words for words in optional):
        problem = _parse(command, re.sub(r" ?\[[^]]*\]", "", line))
    return problem


def _parse(command: PrintedCommand, line: str) -> str:
    words = [word for word in _words(line) if word != "--help"]
    asks_for_help = words[1:] and line.rstrip().endswith("--help")
    path, subject = [words.pop(0)], cast(click.Command, cli)
    context = click.Context(cli)
    while isinstance(subject, click.Group) and words and not words[0].startswith("-"):
        subcommand = subject.get_command(context, words[0])
        if subcommand is None:
            break
        path.append(words.pop(0))
        subject, context = subcommand, click.Context(subcommand, parent=context)
    if asks_for_help and not words:
        return ""
    if isinstance(subject, click.Group) and not _takes_no_command(subject):
        return "" if not words and not command.is_whole else f"{' '.join(path)} has no {words}"
    try:
        with patch.dict(os.environ):  # `--env-file` sets a variable until its command has ended
            subject.make_context(path[-1], words, parent=context.parent, resilient_parsing=False)
    except click.exceptions.Exit:
        return ""
    except click.MissingParameter as error:
        return error.format_message() if command.is_whole or words else ""
    except click.BadParameter as error:
        # A screen fills in one of the choices, a text names one of its own.
        is_filled_in = _PLACE in line and error.param and isinstance(error.param.type, click.Choice)
        return "" if is_filled_in else f"{' '.join(path)}: {error.format_message()}"
    except click.ClickException as error:
        return f"{' '.join(path)}: {error.format_message()}"
    return ""


def _takes_no_command(group: click.Group) -> bool:
    return group.invoke_without_command


def _words(line: str) -> Iterator[str]:
    """Yield a command's words up to a pipe, a redirection or a comment."""
    # A place at a word's end holds options that are given in some cases only.
    line = re.sub(rf"(?<=[a-z]){_PLACE}", "", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>;&")
    lexer.whitespace_split = True
    for word in lexer:
        if word in _END_OF_COMMAND:
            return
        if not re.fullmatch(r"[A-Z_]+=\S*", word):
            yield _filled_in(word)


def _filled_in(word: str) -> str:
    if word.startswith("/"):
        word = Path(word).name  # a file of another machine's, which lies here in the test's folder
    kind, slash, record = word.partition("/")
    if slash and record in {"ID", _PLACE}:
        return f"{kind}/123"
    return _EXAMPLES.get(word, word.replace(_PLACE, "123"))
