"""What people asked for is kept in order, chained, and ends once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from connector.core.corrections.operator_action import OperatorAction, Verb, overlaps
from state import operator_actions
from state.db.transaction import Transaction
from tests.state.examples import OTHER_PORTAL, at, in_portal


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
    ended = operator_actions.read(session)[1]
    assert (ended.finished_at, ended.outcome, ended.outcome_run) == (at(3), "2 applied", "r1")
    assert operator_actions.first_broken(session) is None


def test_a_changed_action_breaks_the_chain(session: Transaction) -> None:
    for number in range(3):
        operator_actions.add(session, action(number))
    assert operator_actions.first_broken(session) is None
    session.execute(text("UPDATE operator_actions SET \"user\" = 'eve' WHERE position = 2"))
    assert operator_actions.first_broken(session) == 2


def test_a_missing_action_breaks_the_chain(session: Transaction) -> None:
    for number in range(3):
        operator_actions.add(session, action(number))
    session.execute(text("DELETE FROM operator_actions WHERE position = 1"))
    assert operator_actions.first_broken(session) == 1


def test_two_reviews_overlap_where_they_may_mean_the_same_correction() -> None:
    whole, won, lost = action(1), action(1, rule="won"), action(1, rule="lost")
    first, second = action(1, record="contacts/1"), action(1, record="contacts/2")
    for left, right in ((whole, lost), (won, whole), (won, won), (won, first), (first, won)):
        assert overlaps(left, right)
    assert overlaps(first, first)
    assert not overlaps(first, second)
    assert not overlaps(won, lost)
