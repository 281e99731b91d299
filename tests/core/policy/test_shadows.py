"""A rule that can never win is a mistake, named with the rule that always comes first."""

from __future__ import annotations

import pytest

from connector.core.conditions.parser import parse_condition
from connector.core.policy.shadows import find_shadowed_rules, implies
from connector.core.problem import Place, PolicyError
from connector.core.yaml.nodes import Scalar
from tests.core.builders import parse_policy

SETTING_VALUES = {"handover.score": 80.0}


def _parse_tree(text: str) -> object:
    return parse_condition(Scalar(text, Place("p.yaml", 1, 1), text)).tree


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("deals.open > 0", "always"),
        ("deals.open > 0", "deals.open > 0"),
        ("deals.open > 0 and stage is blank", "deals.open > 0"),
        ("deals.open > 0 and (stage is blank and deals.won > 0)", "deals.won > 0 or stage == 'x'"),
        ("deals.open > 0 or deals.won > 0", "deals.won > 0 or deals.open > 0"),
        ("stage is blank and (deals.open > 1 or deals.open > 2)", "deals.open > 0"),
        ("deals.open > 3", "deals.open > 2"),
        ("deals.open > 3", "deals.open >= 3"),
        ("deals.open >= 3", "deals.open >= 3"),
        ("deals.open < 3", "deals.open <= 3"),
        ("deals.open < 3", "deals.open < 4"),
        ("deals.open == 3", "deals.open > 2"),
        ("deals.open == 3", "deals.open <= 3"),
        ("contact.score >= 90", "contact.score >= handover.score"),
        ("not deals.open > 1", "not deals.open > 2"),
    ],
)
def test_an_earlier_condition_that_holds_whenever_a_later_one_does_is_seen(
    later: str, earlier: str
) -> None:
    assert implies(_parse_tree(later), _parse_tree(earlier), SETTING_VALUES)  # type: ignore[arg-type]  # a tree


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("deals.open > 0", "never"),
        ("deals.open > 0", "deals.open > 1"),
        ("deals.open >= 3", "deals.open > 3"),
        ("deals.open > 3", "deals.open < 3"),
        ("deals.open > 3", "deals.won > 2"),
        ("deals.open > 3", "deals.open > hold_days"),
        ("deals.open == 3", "deals.open != 4"),
        ("deals.open > 0", "deals.open > 0 and stage is blank"),
        ("deals.open > 0 or deals.won > 0", "deals.won > 0"),
        ("now > contact.seen_at", "stage is blank"),
        ("not stage is blank", "stage is blank"),
        ("now - 3 > contact.seen_at", "now - 4 > contact.seen_at"),
        ("always", "deals.open > 0"),
    ],
)
def test_a_condition_that_may_fail_where_the_later_one_holds_is_no_shadow(
    later: str, earlier: str
) -> None:
    assert not implies(_parse_tree(later), _parse_tree(earlier), SETTING_VALUES)  # type: ignore[arg-type]  # a tree


def test_a_rule_for_fewer_object_types_shadows_none_for_more() -> None:
    loaded_policy = parse_policy(
        "extends: standard\nrules:\n"
        "  - {name: some, when: deals.open > 7, stage: lead, reason: x}\n"
        "  - {name: every, for: both, when: deals.open > 8, stage: lead, reason: x}\n"
    )
    assert (
        list(find_shadowed_rules(loaded_policy.rules, loaded_policy.rows, loaded_policy.settings))
        == []
    )


def test_a_row_that_can_never_win_is_refused_with_its_place() -> None:
    rows = (
        "  - {name: all-of-it, when: deals.open > 7, lead_status: NEW, reason: x}\n"
        "  - {name: never-won, when: deals.open > 9, lead_status: NEW, reason: x}\n"
    )
    with pytest.raises(PolicyError, match=r"policy.yaml:4:5: the rule never-won can never win"):
        parse_policy(f"extends: standard\nlead_status:\n{rows}")


def test_a_preset_whose_rule_is_shadowed_on_purpose_loads() -> None:
    loaded_policy = parse_policy(
        "extends: standard\nrules: [{name: m, for: both, when: always, stage: keep, reason: x}]"
    )
    assert "won" in {
        shadow.entry.name
        for shadow in find_shadowed_rules(
            loaded_policy.rules, loaded_policy.rows, loaded_policy.settings
        )
    }


def test_a_rule_that_is_switched_off_is_no_shadow() -> None:
    loaded_policy = parse_policy(
        "extends: standard\nrules: [{name: m, when: never, stage: keep, reason: x}]"
    )
    assert (
        list(find_shadowed_rules(loaded_policy.rules, loaded_policy.rows, loaded_policy.settings))
        == []
    )
