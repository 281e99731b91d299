"""What the plans promise: complete or not a plan, in order, streamed."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector.core.model import STATUS, Direction
from state import plans
from state.plans import PlanHead
from tests.state.examples import OTHER_PORTAL, PORTAL, at, contact, correction

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


def test_corrections_come_back_in_their_order(session: Session) -> None:
    plans.create(session, PORTAL, head())
    plans.add(session, PORTAL, "p1", MOVES[:1])
    plans.add(session, PORTAL, "p1", MOVES[1:])
    assert plans.read_corrections(session, PORTAL, "p1") == list(enumerate(MOVES, start=1))


def test_a_plan_is_streamed_in_pages(session: Session) -> None:
    plans.create(session, PORTAL, head())
    plans.add(session, PORTAL, "p1", MOVES)
    first_page = plans.read_corrections(session, PORTAL, "p1", limit=2)
    second_page = plans.read_corrections(session, PORTAL, "p1", after=first_page[-1][0], limit=2)
    assert first_page + second_page == list(enumerate(MOVES, start=1))


def test_a_plan_may_be_empty(session: Session) -> None:
    plans.create(session, PORTAL, head())
    plans.add(session, PORTAL, "p1", [])
    assert plans.read_corrections(session, PORTAL, "p1") == []


def test_corrections_without_their_plan_are_refused(session: Session) -> None:
    with pytest.raises(IntegrityError):
        plans.add(session, PORTAL, "p1", MOVES)


def test_a_plan_is_no_plan_until_it_is_closed(session: Session) -> None:
    plans.create(session, PORTAL, head())
    assert plans.latest(session, PORTAL) is None
    plans.close(session, PORTAL, "p1", summary={"records": 3}, digest="d1")
    latest = plans.latest(session, PORTAL)
    assert latest is not None
    assert (latest.plan_id, latest.summary, latest.digest) == ("p1", {"records": 3}, "d1")


def test_a_plan_is_found_by_its_id(session: Session) -> None:
    plans.create(session, PORTAL, head())
    assert plans.get(session, PORTAL, "p1") == head()
    assert plans.get(session, PORTAL, "p2") is None
    assert plans.get(session, OTHER_PORTAL, "p1") is None


def test_only_the_newest_plans_are_kept(session: Session) -> None:
    for number in range(4):
        plan_id = f"p{number}"
        plans.create(session, PORTAL, head(plan_id, number))
        plans.add(session, PORTAL, plan_id, MOVES)
        plans.close(session, PORTAL, plan_id, summary={}, digest="d")
    plans.create(session, OTHER_PORTAL, head("p0"))
    plans.prune(session, PORTAL, keep=2)
    still_stored = [plans.get(session, PORTAL, f"p{number}") is not None for number in range(4)]
    assert still_stored == [False, False, True, True]
    assert session.scalar(select(func.count()).select_from(text("plan_moves"))) == 2 * len(MOVES)
    assert plans.get(session, OTHER_PORTAL, "p0") is not None


def test_old_plans_go_but_for_the_newest_closed_one(session: Session) -> None:
    plans.expire(session, PORTAL, before=at(99))
    for number in range(4):
        plans.create(session, PORTAL, head(f"p{number}", minutes=number))
        plans.add(session, PORTAL, f"p{number}", MOVES)
    plans.close(session, PORTAL, "p1", summary={}, digest="d")
    plans.expire(session, PORTAL, before=at(3))
    still_stored = [plans.get(session, PORTAL, f"p{number}") is not None for number in range(4)]
    assert still_stored == [False, True, False, True]
    plans.expire(session, OTHER_PORTAL, before=at(99))
    assert session.scalar(select(func.count()).select_from(text("plan_moves"))) == 2 * len(MOVES)
