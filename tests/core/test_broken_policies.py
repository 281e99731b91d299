"""What a broken policy says: file, line, column, and the word that was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector import presets
from connector.core.binding import bind
from connector.core.default_portal import STAGES
from connector.core.mark import PolicyError
from connector.core.policy import load
from tests.core.givens import portal

FOLDER = Path(__file__).parent / "broken_policies"
EXPECTED = (FOLDER / "EXPECTED.txt").read_text(encoding="utf-8").splitlines()
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_broken_policy_says_what_is_wrong_and_where(file: Path) -> None:
    twins = portal(stages={**STAGES, "1": "Twin", "2": "Twin"})
    with pytest.raises(PolicyError) as caught:
        text = file.read_text(encoding="utf-8")
        bind(load(text, source=file.name, preset=presets.preset), twins)
    expected = [line for line in EXPECTED if line.startswith(f"{file.name}:")]
    assert str(caught.value).splitlines() == expected


def test_each_expected_message_belongs_to_a_file() -> None:
    assert {line.split(":")[0] for line in EXPECTED} == {file.name for file in FILES}


def test_a_policy_that_is_too_long_is_refused() -> None:
    with pytest.raises(PolicyError, match="at most 200,000 characters"):
        load("#" * 200_001, source="p.yaml", preset=presets.preset)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(PolicyError, match="this is not YAML"):
        load("name: \ud800", source="p.yaml", preset=presets.preset)


def test_control_characters_are_refused() -> None:
    with pytest.raises(PolicyError, match="this is not YAML"):
        load("name: \x00", source="p.yaml", preset=presets.preset)


def test_a_preset_that_says_nothing_of_others_is_an_unknown_preset_all_the_same() -> None:
    def none(_: str) -> str:
        raise LookupError

    with pytest.raises(PolicyError, match="there is no preset 'standard'"):
        load("extends: standard", source="p.yaml", preset=none)
