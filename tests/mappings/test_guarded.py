"""Every rule of every preset is guarded by a case, and a rule that is not is named."""

from __future__ import annotations

import pytest

from connector import presets
from connector.core.policy import load
from connector.policies import Cases, cases_of, try_out

CASE = "  - {{name: one, given: {given}, expect: {{stage: {stage}}}}}\n"


@pytest.mark.parametrize("name", [one for one in presets.names() if one != "standard"])
def test_each_rule_of_a_preset_is_missed_by_a_case_when_it_is_gone(name: str) -> None:
    cases = cases_of(name)
    assert cases
    assert try_out(presets.policy(name), cases).unguarded == ()


def _unguarded(rules: str, *cases: tuple[str, str]) -> list[tuple[str, str]]:
    read = load(f"extends: standard\n{rules}", source="p.yaml", preset=presets.preset)
    text = "cases:\n" + "".join(CASE.format(given=one, stage=two) for one, two in cases)
    tried = try_out(read, Cases(source="p.cases.yaml", text=text))
    assert not tried.failed
    return [(one.rule, one.why) for one in tried.unguarded]


RULE = "rules: [{name: mine, when: deals.open > 1, stage: customer, reason: x}]"


def test_a_rule_whose_removal_no_case_notices_is_named() -> None:
    found = _unguarded(RULE, ("{stage: lead}", "lead"))
    assert found == [("mine", "no case fails when it is taken out")]


def test_a_rule_that_wins_in_every_case_lacks_a_silent_one() -> None:
    found = _unguarded(RULE, ("{stage: lead, deals: [{state: open}, {state: open}]}", "customer"))
    assert found == [("mine", "there is no case in which it does not win")]


def test_a_rule_that_only_keeps_others_away_has_to_win_in_a_case() -> None:
    found = _unguarded(
        "lead_status: [{name: mine, when: deals.open > 1, lead_status: keep, reason: x}]",
        ("{stage: lead}", "lead"),
    )
    assert found == [("mine", "no case fails when it is taken out")]


def test_a_row_that_only_finds_what_is_there_has_to_win_in_a_case() -> None:
    row = "lead_status: [{name: mine, when: always, lead_status: CONNECTED, reason: x}]"
    read = load(f"extends: standard\n{row}", source="p.yaml", preset=presets.preset)
    case = "{name: one, given: {stage: lead, status: CONNECTED}, expect: {status: CONNECTED}}"
    tried = try_out(read, Cases(source="p.cases.yaml", text=f"cases: [{case}]"))
    assert [(one.rule, one.why) for one in tried.unguarded] == [("mine", "it wins in no case")]


def test_a_failed_case_is_told_before_anything_else() -> None:
    read = load("extends: standard", source="p.yaml", preset=presets.preset)
    text = "cases:\n" + CASE.format(given="{stage: lead}", stage="customer")
    tried = try_out(read, Cases(source="c.yaml", text=text))
    assert [one.name for one in tried.failed] == ["one"]
    assert tried.unguarded == ()
