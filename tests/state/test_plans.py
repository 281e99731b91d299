"""A plan is readable only when it is complete, in its order, page by page."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from connector.core.corrections.plan import PlanSummary
from connector.core.model import STATUS, Direction
from state import plans
from state.db.transaction import Transaction
from state.plans import PlanHead
from tests.state.examples import OTHER_PORTAL, at, contact, correction, in_portal

MOVES = [
    (
        correction(contact(n)),
        correction(contact(n), property_name=STATUS, direction=Direction.CLEAR, evidence=()),
    )
    for n in (100, 9, 10)
]


def head(plan_id: str = "p1", minutes: int = 0) -> PlanHead:
    return PlanHead(
        plan_id=plan_id,
        run="r1",
        policy_name="standard",
        policy_digest="abc",
        created_at=at(minutes),
    )


def test_corrections_come_back_in_their_order(session: Transaction) -> None:
    plans.create(session, head())
    plans.add(session, "p1", MOVES[:1])
    plans.add(session, "p1", MOVES[1:])
    assert plans.read_corrections(session, "p1") == list(enumerate(MOVES, start=1))


def test_a_plan_is_streamed_in_pages(session: Transaction) -> None:
    plans.create(session, head())
    plans.add(session, "p1", MOVES)
    first_page = plans.read_corrections(session, "p1", limit=2)
    second_page = plans.read_corrections(session, "p1", after=first_page[-1][0], limit=2)
    assert first_page + second_page == list(enumerate(MOVES, start=1))


def test_a_plan_may_be_empty(session: Transaction) -> None:
    plans.create(session, head())
    plans.add(session, "p1", [])
    assert plans.read_corrections(session, "p1") == []


def test_corrections_without_their_plan_are_refused(session: Transaction) -> None:
    with pytest.raises(IntegrityError):
        plans.add(session, "p1", MOVES)


def test_a_plan_is_no_plan_until_it_is_closed(session: Transaction) -> None:
    plans.create(session, head())
    assert plans.latest(session) is None
    plans.close(session, "p1", summary=PlanSummary(corrections=3), digest="d1")
    latest = plans.latest(session)
    assert latest is not None
    assert (latest.plan_id, latest.summary, latest.digest) == (
        "p1",
        PlanSummary(corrections=3),
        "d1",
    )


def test_a_plan_is_found_by_its_id(session: Transaction) -> None:
    plans.create(session, head())
    assert plans.get(session, "p1") == head()
    assert plans.get(session, "p2") is None
    assert plans.get(in_portal(session, OTHER_PORTAL), "p1") is None


def test_only_the_newest_plans_are_kept(session: Transaction) -> None:
    for number in range(4):
        plan_id = f"p{number}"
        plans.create(session, head(plan_id, number))
        plans.add(session, plan_id, MOVES)
        plans.close(session, plan_id, summary=PlanSummary(), digest="d")
    plans.create(in_portal(session, OTHER_PORTAL), head("p0"))
    plans.prune(session, keep=2)
    still_stored = [plans.get(session, f"p{number}") is not None for number in range(4)]
    assert still_stored == [False, False, True, True]
    assert session.scalar(select(func.count()).select_from(text("plan_moves"))) == 2 * len(MOVES)
    assert plans.get(in_portal(session, OTHER_PORTAL), "p0") is not None


def test_old_plans_go_but_for_the_newest_closed_one(session: Transaction) -> None:
    plans.expire(session, before=at(99))
    for number in range(4):
        plans.create(session, head(f"p{number}", minutes=number))
        plans.add(session, f"p{number}", MOVES)
    plans.close(session, "p1", summary=PlanSummary(), digest="d")
    plans.expire(session, before=at(3))
    still_stored = [plans.get(session, f"p{number}") is not None for number in range(4)]
    assert still_stored == [False, True, False, True]
    plans.expire(in_portal(session, OTHER_PORTAL), before=at(99))
    assert session.scalar(select(func.count()).select_from(text("plan_moves"))) == 2 * len(MOVES)
