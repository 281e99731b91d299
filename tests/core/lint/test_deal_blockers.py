"""An own rule that keeps records from the stage of their deals is named."""

from __future__ import annotations

import pytest

from connector.config import presets
from connector.core.binding.bind import bind
from connector.core.lint.deal_blockers import find_deal_blockers
from tests.core.builders import NOW, bind_policy, portal

VIP_RULE = "{name: mine, when: contact.vip WHEN, stage: salesqualifiedlead, reason: x MORE}"


def _blockers(when: str = "", extra: str = "", rule: str = VIP_RULE) -> list[str]:
    own_rule = rule.replace("WHEN", when).replace("MORE", extra)
    return [
        str(blocker)
        for blocker in find_deal_blockers(
            bind_policy(f"extends: standard\nrules: [{own_rule}]"), NOW
        )
    ]


def test_an_own_forward_rule_that_keeps_a_won_deal_from_counting_is_named() -> None:
    (blocker,) = _blockers()
    assert blocker.startswith("policy.yaml:2:9: the rule mine comes before open-deal and wins")
    assert "in Sales Qualified Lead" in blocker
    assert "`before: handover`" in blocker


def test_a_rule_that_keeps_records_in_a_parking_place_is_told_how_to_lead_out() -> None:
    pilot_rule = (
        "{name: mine, when: deals.open > 0 and deals.won == 0, stage: opportunity, reason: x}"
    )
    (blocker,) = _blockers(rule=pilot_rule)
    assert "in Other whatever" in blocker
    assert "`from_parked: yes`" in blocker


@pytest.mark.parametrize(
    ("when", "extra"),
    [
        ("and deals.count == 0", ""),
        ("", ", before: handover"),
        ("", ", direction: any"),
    ],
    ids=["without deals", "placed later", "not forward"],
)
def test_a_rule_that_leaves_deals_alone_is_not(when: str, extra: str) -> None:
    assert _blockers(when, extra) == []


@pytest.mark.parametrize(
    "rule",
    [
        "{name: mine, when: contact.vip, stage: keep, reason: x}",
        "{name: mine, when: contact.vip, stage: customer, from_parked: yes, reason: x}",
    ],
    ids=["keeps", "leads as far"],
)
def test_an_exception_on_purpose_is_not(rule: str) -> None:
    assert _blockers(rule=rule) == []


def test_records_outside_of_the_scope_are_not_looked_at() -> None:
    own_rule = VIP_RULE.replace("WHEN", "").replace("MORE", "")
    policy = bind_policy(f"extends: standard\nsettings: {{scope: never}}\nrules: [{own_rule}]")
    assert list(find_deal_blockers(policy, NOW)) == []


@pytest.mark.parametrize("name", presets.names())
def test_no_preset_holds_anybody_back(name: str) -> None:
    assert list(find_deal_blockers(bind(presets.load_preset(name), portal()), NOW)) == []
