"""What people asked for is kept in order, chained, and ends once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import text

from connector.core.corrections.operator_action import OperatorAction, Verb, action_hash, overlaps
from state import cascade, operator_actions
from state.db.transaction import Transaction
from tests.state.examples import OTHER_PORTAL, at, contact, in_portal


def action(number: int, *, finished_at: datetime | None = None, **details: str) -> OperatorAction:
    return OperatorAction(
        at=at(number),
        user="anna",
        verb=Verb.APPROVE,
        finished_at=finished_at,
        **details,  # type: ignore[arg-type]  # texts alone
    )


def test_actions_are_numbered_in_their_portal_and_read_newest_first(session: Transaction) -> None:
    first = operator_actions.add(session, action(1, plan_id="p1"))
    second = operator_actions.add(session, action(2, rule="won", finished_at=at(2)))
    assert (first.position, second.position) == (1, 2)
    assert operator_actions.read(session) == (second, first)
    assert operator_actions.read(session, limit=1) == (second,)
    assert operator_actions.read(in_portal(session, OTHER_PORTAL)) == ()
    assert [entry.target for entry in (first, second)] == ["the whole plan", "rule won"]
    assert action(1, record="contacts/1").target == "contacts/1"
    assert action(1).target == "the portal"


def test_what_waits_ends_with_an_outcome_and_its_run(session: Transaction) -> None:
    operator_actions.add(session, action(1, plan_id="p1"))
    operator_actions.add(session, action(2, plan_id="p2"))
    operator_actions.note_failure(session, 2, "HubSpot does not answer")
    operator_actions.finish(session, 1, at=at(3), outcome="2 applied", run="r1")
    (waiting,) = operator_actions.read_waiting(session)
    assert waiting.outcome == "HubSpot does not answer"
    assert waiting.position == 2
    operator_actions.finish(session, 1, at=at(9), outcome="again", run="r2")
    first = operator_actions.read(session)[1]
    assert (first.finished_at, first.outcome, first.outcome_run) == (at(3), "2 applied", "r1")
    assert operator_actions.verify(session).broken_row is None


@pytest.fixture
def ended(session: Transaction) -> Transaction:
    """Return a transaction in which two actions ended, at rows 3 and 5, and one waits, at row 4."""
    operator_actions.add(session, action(1, plan_id="p1", rule="won"))
    operator_actions.add(session, action(2, record="contacts/1", reason="pilot: Kari"))
    operator_actions.finish(session, 1, at=at(3), outcome="2 applied", run="r1")
    operator_actions.add(session, action(4, plan_id="p1"))
    operator_actions.finish(session, 2, at=at(5), outcome="held")
    assert operator_actions.verify(session) == operator_actions.head(session)
    assert operator_actions.head(session).rows == 5
    return session


@pytest.mark.parametrize(
    ("change", "broken_row"),
    [
        ("UPDATE operator_actions SET \"user\" = 'eve' WHERE position = 1", 1),
        ("UPDATE operator_actions SET reason = 'a test' WHERE position = 2", 2),
        ("UPDATE operator_actions SET reason = 'a test', salt = NULL WHERE position = 2", 2),
        ("UPDATE operator_actions SET verb = 'nonsense' WHERE position = 2", 2),
        ("UPDATE operator_actions SET outcome = '9 applied' WHERE position = 1", 3),
        ("UPDATE operator_actions SET outcome = '9 applied' WHERE position IN (1, 3)", 3),
        ("UPDATE operator_actions SET outcome_run = '' WHERE position IN (1, 3)", 3),
        ("UPDATE operator_actions SET finished_at = 0 WHERE position = 4", 4),
        ("UPDATE operator_actions SET finished_at = NULL WHERE position = 1", 3),
        ("DELETE FROM operator_actions WHERE position = 1", 1),
        ("DELETE FROM operator_actions WHERE position = 3", 3),
        # The newest row is an end: what was asked for says that there was one.
        ("DELETE FROM operator_actions WHERE position = 5", 2),
    ],
)
def test_what_was_changed_or_removed_breaks_the_chain(
    ended: Transaction, change: str, broken_row: int
) -> None:
    ended.execute(text(change))
    assert operator_actions.verify(ended).broken_row == broken_row


def test_a_chain_that_lost_its_newest_action_has_another_head(ended: Transaction) -> None:
    noted = operator_actions.head(ended)
    for statement in (
        "DELETE FROM operator_actions WHERE position > 3",
        "UPDATE operator_actions SET finished_at = NULL, outcome = '' WHERE position = 2",
    ):
        ended.execute(text(statement))
    verdict = operator_actions.verify(ended)
    assert verdict.broken_row is None
    assert (verdict.rows, verdict.last_hash) != (noted.rows, noted.last_hash)


def test_the_reason_of_an_erased_record_goes_and_the_chain_holds(ended: Transaction) -> None:
    cascade.erase(ended, [contact(1), contact(2)], at=at(9))
    assert {entry.reason for entry in operator_actions.read(ended)} == {""}
    assert operator_actions.verify(ended) == operator_actions.head(ended)
    assert operator_actions.redact(ended, [contact(1)]) == 0


def test_actions_of_before_there_were_seals_still_hold(session: Transaction) -> None:
    old = replace(action(1, record="contacts/1", reason="pilot"), verb=Verb.HOLD, position=1)
    operator_actions.add(session, replace(old, finished_at=at(1)))
    session.execute(text("DELETE FROM operator_actions WHERE position = 2"))
    values = {"hash": action_hash("", old, None)}
    session.execute(
        text("UPDATE operator_actions SET seal = NULL, salt = NULL, hash = :hash"), values
    )
    operator_actions.add(session, action(2, plan_id="p1"))
    assert operator_actions.verify(session).broken_row is None
    operator_actions.redact(session, [contact(1)])
    assert operator_actions.verify(session).broken_row is None
    session.execute(text("UPDATE operator_actions SET reason = 'a test' WHERE position = 1"))
    assert operator_actions.verify(session).broken_row == 1


def test_two_reviews_overlap_where_they_may_mean_the_same_correction() -> None:
    whole, won, lost = action(1), action(1, rule="won"), action(1, rule="lost")
    first, second = action(1, record="contacts/1"), action(1, record="contacts/2")
    for left, right in ((whole, lost), (won, whole), (won, won), (won, first), (first, won)):
        assert overlaps(left, right)
    assert overlaps(first, first)
    assert not overlaps(first, second)
    assert not overlaps(won, lost)
