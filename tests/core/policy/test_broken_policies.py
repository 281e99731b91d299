"""Errors of a broken policy: file, line, column, and the word that was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config import presets
from connector.core.binding.bind import bind
from connector.core.lint.default_portal import STAGES
from connector.core.policy.load import load_policy
from connector.core.problem import PolicyError
from tests.core.builders import portal

POLICY_FOLDER = Path(__file__).parent / "broken_policies"
EXPECTED_MESSAGES = (POLICY_FOLDER / "EXPECTED.txt").read_text(encoding="utf-8").splitlines()
POLICY_FILES = sorted(POLICY_FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("file", POLICY_FILES, ids=lambda file: file.stem)
def test_a_broken_policy_says_what_is_wrong_and_where(file: Path) -> None:
    portal_with_twins = portal(stages={**STAGES, "1": "Twin", "2": "Twin"})
    with pytest.raises(PolicyError) as error:
        text = file.read_text(encoding="utf-8")
        bind(
            load_policy(text, source=file.name, preset_text=presets.policy_text), portal_with_twins
        )
    expected = [line for line in EXPECTED_MESSAGES if line.startswith(f"{file.name}:")]
    assert str(error.value).splitlines() == expected


def test_each_expected_message_belongs_to_a_file() -> None:
    assert {line.split(":")[0] for line in EXPECTED_MESSAGES} == {
        file.name for file in POLICY_FILES
    }


def test_a_policy_that_is_too_long_is_refused() -> None:
    with pytest.raises(PolicyError, match="at most 200,000 characters"):
        load_policy("#" * 200_001, source="p.yaml", preset_text=presets.policy_text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(PolicyError, match="this is not YAML"):
        load_policy("name: \ud800", source="p.yaml", preset_text=presets.policy_text)


def test_control_characters_are_refused() -> None:
    with pytest.raises(PolicyError, match="this is not YAML"):
        load_policy("name: \x00", source="p.yaml", preset_text=presets.policy_text)


def test_a_preset_that_says_nothing_of_others_is_an_unknown_preset_all_the_same() -> None:
    def load_no_preset(_: str) -> str:
        raise LookupError

    with pytest.raises(PolicyError, match="there is no preset 'standard'"):
        load_policy("extends: standard", source="p.yaml", preset_text=load_no_preset)
