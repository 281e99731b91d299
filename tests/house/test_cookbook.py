"""The cookbook's recipes: each is sound, its cases hold, and every rule of its own is guarded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.config.open_run import read_policy
from connector.operations import policy_test

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "cookbook"
RECIPES = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".cases.yaml"))


def test_there_are_twenty_recipes_and_the_page_lists_each() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(RECIPES) >= 20
    assert [path.name for path in RECIPES if f"({path.name})" not in page] == []


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_sound_and_its_cases_hold(path: Path) -> None:
    policy, cases = read_policy(str(path)), policy_test.find_cases(str(path))
    assert cases is not None
    result = policy_test.run_cases(policy, cases)
    assert result.results
    assert result.failures == ()
    assert result.unguarded == ()
    portal = policy_test.offline_portal(cases)
    assert policy_test.check_policy(policy, portal, datetime.now(UTC)).warnings == ()
