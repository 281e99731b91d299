"""What would change a decision is said in plain words, with the rule that would apply."""

from __future__ import annotations

from connector.core.explain.what_would_change import what_would_change
from tests.core.builders import (
    bind_policy,
    contact,
    facts_about,
    lost_deal,
    open_deal,
    portal,
    won_deal,
)


def test_a_contact_without_evidence_is_shown_what_each_rule_misses() -> None:
    policy = bind_policy()
    changes = list(what_would_change(policy, portal(), facts_about(policy, contact("lead"))))
    assert "Customer, if a deal is won (won)" in changes
    assert "Marketing Qualified Lead, if the score is at least 30 (qualified)" in changes
    assert not any("excluded" in change or "reopened" in change for change in changes)


def test_what_comes_after_the_winner_cannot_change_it() -> None:
    policy = bind_policy()
    changes = list(
        what_would_change(policy, portal(), facts_about(policy, contact("customer"), won_deal()))
    )
    assert changes == []


def test_time_alone_may_change_it() -> None:
    policy = bind_policy()
    changes = list(
        what_would_change(policy, portal(), facts_about(policy, contact("lead"), lost_deal()))
    )
    assert changes[-1] == "on 2026-07-30 time alone may change it"


def test_a_record_that_is_left_alone_has_nothing_that_would_change_it() -> None:
    policy = bind_policy("extends: standard\nsettings: {scope: never}")
    assert (
        list(what_would_change(policy, portal(), facts_about(policy, contact("lead"), open_deal())))
        == []
    )
