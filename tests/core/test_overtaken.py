"""A rule of one's own that holds records back from where their deals lead is named."""

from __future__ import annotations

import pytest

from connector import presets
from connector.core.binding import bind
from connector.core.overtaken import overtaken
from tests.core.givens import NOW, bound, portal

VIP = "{name: mine, when: contact.vip WHEN, stage: salesqualifiedlead, reason: x MORE}"


def _found(when: str = "", more: str = "", rule: str = VIP) -> list[str]:
    mine = rule.replace("WHEN", when).replace("MORE", more)
    return [str(one) for one in overtaken(bound(f"extends: standard\nrules: [{mine}]"), NOW)]


def test_an_own_forward_rule_that_keeps_a_won_deal_from_counting_is_named() -> None:
    (found,) = _found()
    assert found.startswith("policy.yaml:2:9: the rule mine comes before open-deal and wins")
    assert "in Sales Qualified Lead" in found
    assert "`before: handover`" in found


def test_a_rule_that_keeps_records_in_a_parking_place_is_told_how_to_lead_out() -> None:
    pilot = "{name: mine, when: deals.open > 0 and deals.won == 0, stage: opportunity, reason: x}"
    (found,) = _found(rule=pilot)
    assert "in Other whatever" in found
    assert "`from_parked: yes`" in found


@pytest.mark.parametrize(
    ("when", "more"),
    [
        ("and deals.count == 0", ""),
        ("", ", before: handover"),
        ("", ", direction: any"),
    ],
    ids=["without deals", "placed later", "not forward"],
)
def test_a_rule_that_leaves_deals_alone_is_not(when: str, more: str) -> None:
    assert _found(when, more) == []


@pytest.mark.parametrize(
    "rule",
    [
        "{name: mine, when: contact.vip, stage: keep, reason: x}",
        "{name: mine, when: contact.vip, stage: customer, from_parked: yes, reason: x}",
    ],
    ids=["keeps", "leads as far"],
)
def test_an_exception_on_purpose_is_not(rule: str) -> None:
    assert _found(rule=rule) == []


def test_records_outside_of_the_scope_are_not_looked_at() -> None:
    mine = VIP.replace("WHEN", "").replace("MORE", "")
    to = bound(f"extends: standard\nsettings: {{scope: never}}\nrules: [{mine}]")
    assert list(overtaken(to, NOW)) == []


@pytest.mark.parametrize("name", presets.names())
def test_no_preset_holds_anybody_back(name: str) -> None:
    assert list(overtaken(bind(presets.policy(name), portal()), NOW)) == []
