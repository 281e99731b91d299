"""What sources, screens and pages print to be typed can be typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.printed_commands import PrintedCommand, printed_commands, problems

_FILE = re.compile(r"[\w.-]+\.(?:yaml|json|jsonl|env|csv)\b|\bF(?:ILE)?\b|\bPLAN\b")


@pytest.fixture(autouse=True)
def folder_with_the_files_that_lines_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reviewed-plans").mkdir()
    for command in printed_commands():
        for name in _FILE.findall(command.text):
            Path(name).touch()


def test_whatever_is_printed_to_be_typed_can_be_typed() -> None:
    commands = printed_commands()
    assert len(commands) > 150
    assert [f"{command}: {text}" for command in commands for text in problems(command)] == []


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ("connector plann", False),
        ("connector plan --ouut plan.json", False),
        ("connector hold ad contacts/1", False),
        ("connector hold add contacts/1 --reasn x", False),
        ("connector undo --sinc 2026-11-01", False),
        ("connector report fnnel|velocity", False),
        ("connector explain [--reocrd R]", False),
        ("connector sandbox --port many", False),
        ("connector hold", True),
        ("connector policy tset", True),
    ],
)
def test_a_line_that_cannot_be_typed_is_found(text: str, is_whole: bool) -> None:
    command = PrintedCommand(source="test", text=text, is_whole=is_whole)
    assert problems(command)
