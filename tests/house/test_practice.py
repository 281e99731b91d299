"""The page on practice answers every statement with something that exists."""

from __future__ import annotations

import re
from pathlib import Path

from connector.cli.main import COMMANDS
from connector.cli.reports import REPORTS
from connector.config import presets
from connector.config.setting_sources import DEFAULTS
from connector.core.policy.load import load_policy
from connector.core.policy.setting_table import SETTING_SPECS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "practice.md"
ROWS = [
    line.split("|")
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]


def _names() -> set[str]:
    """Return what an answer may name: commands, settings, rules, presets."""
    policy = load_policy("extends: standard", source="x.yaml", preset_text=presets.policy_text)
    rules = {rule.name for rule in (*policy.rules, *policy.rows)}
    return {*SETTING_SPECS, *DEFAULTS, *rules, *presets.names()}


def test_every_statement_has_an_answer_that_names_something_or_says_why_not() -> None:
    assert [int(row[1]) for row in ROWS] == list(range(1, 112))
    empty = [row[1] for row in ROWS if "`" not in row[3] and not _is_explained(row[3])]
    assert empty == []


def _is_explained(answer: str) -> bool:
    return any(
        phrase in answer for phrase in ("because", "as above", "cookbook", "HubSpot's", "kept by")
    )


def test_every_command_setting_rule_and_preset_that_is_named_exists() -> None:
    names, unknown = _names(), []
    for row in ROWS:
        for text in re.findall(r"`([^`]+)`", row[3]):
            words = text.split()
            if words[0] == "connector":
                is_known = words[1] in COMMANDS and (words[1] != "report" or words[2] in REPORTS)
            else:
                is_known = text in names
            if not is_known:
                unknown.append((row[1].strip(), text))
    assert unknown == []
