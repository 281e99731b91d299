"""What would change a decision is said in plain words, with the rule that would do it."""

from __future__ import annotations

from connector.core.outlook import outlook
from tests.core.givens import bound, contact, known, lost, opened, portal, won


def test_a_contact_without_evidence_is_told_what_each_rule_misses() -> None:
    to = bound()
    told = list(outlook(to, portal(), known(to, contact("lead"))))
    assert "Customer, if a deal is won (won)" in told
    assert "Marketing Qualified Lead, if the score is at least 30 (qualified)" in told
    assert not any("excluded" in one or "reopened" in one for one in told)


def test_what_comes_after_the_winner_cannot_change_it() -> None:
    to = bound()
    told = list(outlook(to, portal(), known(to, contact("customer"), won())))
    assert told == []


def test_time_alone_may_change_it() -> None:
    to = bound()
    told = list(outlook(to, portal(), known(to, contact("lead"), lost())))
    assert told[-1] == "on 2026-07-30 time alone may change it"


def test_a_record_that_is_left_alone_has_no_outlook() -> None:
    to = bound("extends: standard\nsettings: {scope: never}")
    assert list(outlook(to, portal(), known(to, contact("lead"), opened()))) == []
