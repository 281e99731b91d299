"""Every rule of every preset is guarded by a case, and a rule that is not is named."""

from __future__ import annotations

import pytest

from connector.config import presets
from connector.core.policy.load import load_policy
from connector.operations.policy_test import Cases, find_cases, run_cases

CASE_TEMPLATE = "  - {{name: one, given: {given}, expect: {{stage: {stage}}}}}\n"


@pytest.mark.parametrize("name", [name for name in presets.names() if name != "standard"])
def test_each_rule_of_a_preset_is_missed_by_a_case_when_it_is_gone(name: str) -> None:
    cases = find_cases(name)
    assert cases
    assert run_cases(presets.load_preset(name), cases).unguarded == ()


def _unguarded_rules(rules: str, *cases: tuple[str, str]) -> list[tuple[str, str]]:
    policy = load_policy(
        f"extends: standard\n{rules}", source="p.yaml", preset_text=presets.policy_text
    )
    text = "cases:\n" + "".join(
        CASE_TEMPLATE.format(given=given, stage=stage) for given, stage in cases
    )
    trial = run_cases(policy, Cases(source="p.cases.yaml", text=text))
    assert not trial.failures
    return [(rule.rule, rule.reason) for rule in trial.unguarded]


OWN_RULE = "rules: [{name: mine, when: deals.open > 1, stage: customer, reason: x}]"


def test_a_rule_whose_removal_no_case_notices_is_named() -> None:
    unguarded = _unguarded_rules(OWN_RULE, ("{stage: lead}", "lead"))
    assert unguarded == [("mine", "no case fails when it is taken out")]


def test_a_rule_that_wins_in_every_case_lacks_a_silent_one() -> None:
    unguarded = _unguarded_rules(
        OWN_RULE, ("{stage: lead, deals: [{state: open}, {state: open}]}", "customer")
    )
    assert unguarded == [("mine", "there is no case in which it does not win")]


def test_a_rule_that_only_keeps_others_away_has_to_win_in_a_case() -> None:
    unguarded = _unguarded_rules(
        "lead_status: [{name: mine, when: deals.open > 1, lead_status: keep, reason: x}]",
        ("{stage: lead}", "lead"),
    )
    assert unguarded == [("mine", "no case fails when it is taken out")]


def test_a_row_that_only_finds_what_is_there_has_to_win_in_a_case() -> None:
    row = "lead_status: [{name: mine, when: always, lead_status: CONNECTED, reason: x}]"
    policy = load_policy(
        f"extends: standard\nsettings: {{lead_status: {{outside: clear}}}}\n{row}",
        source="p.yaml",
        preset_text=presets.policy_text,
    )
    case = "{name: one, given: {stage: lead, status: CONNECTED}, expect: {status: CONNECTED}}"
    trial = run_cases(policy, Cases(source="p.cases.yaml", text=f"cases: [{case}]"))
    assert [(rule.rule, rule.reason) for rule in trial.unguarded] == [
        ("mine", "it wins in no case")
    ]


def test_a_failed_case_is_told_before_anything_else() -> None:
    policy = load_policy("extends: standard", source="p.yaml", preset_text=presets.policy_text)
    text = "cases:\n" + CASE_TEMPLATE.format(given="{stage: lead}", stage="customer")
    trial = run_cases(policy, Cases(source="c.yaml", text=text))
    assert [case.name for case in trial.failures] == ["one"]
    assert trial.unguarded == ()
