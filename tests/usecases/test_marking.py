"""A former customer is marked before the stage goes back, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.core.default_portal import default_portal, definition
from connector.core.model import STAGE, STATUS, Correction, Direction, Ref
from connector.core.moves import Move, Phase
from connector.recover import recover
from connector.sync import sync
from state import outbox
from tests.usecases.office import COMPANIES, CONTACTS, DEALS, SQL, START, Office

MARK = "former"
POLICY = (
    "extends: subscription\nsettings:\n  subscription: {property: plan_state}\n"
    "  churn: {practice: back-to-sales, mark: former}\n"
)


@pytest.fixture
def club(open_office: Callable[..., Office]) -> Office:
    """Open an office in a portal with subscriptions and a mark."""
    more = {
        CONTACTS: [definition("plan_state"), definition(MARK, "bool")],
        COMPANIES: [],
        DEALS: [],
    }
    return open_office(default_portal(more=more))


def _left(club: Office) -> Ref:
    left = club.contact("customer", plan_state="canceled")
    club.door.advance(3600)
    return left


def test_a_former_customer_is_marked_before_the_stage_goes_back(club: Office) -> None:
    left = _left(club)
    sync(club.desk(POLICY))
    assert club.stage(left) == SQL
    assert club.door.value(left, MARK) == "true"
    assert club.door.sent[:2] == [{left: {MARK: "true"}}, {left: {STAGE: ""}}]


def test_where_the_mark_does_not_hold_the_stage_stays(club: Office) -> None:
    club.door.deaf = lambda _ref, name, _value: name == MARK
    left = _left(club)
    sync(club.desk(POLICY))
    assert club.stage(left) == "customer"
    assert (str(left), "true", "ignored") in club.outcomes()


def test_who_was_marked_by_somebody_else_meanwhile_goes_back_all_the_same(club: Office) -> None:
    left = _left(club)
    club.door.before("read", 1, lambda: club.edit(left, **{MARK: "true"}))
    sync(club.desk(POLICY))
    assert club.stage(left) == SQL
    told = [(after, outcome) for _, after, outcome in club.outcomes()]
    assert told == [(SQL, "applied"), ("NEW", "applied")]


def _leave_open(club: Office, left: Ref, phase: Phase) -> None:
    """Leave a move with a mark open as a process does that was killed in this phase."""
    values = ((MARK, "", "true"), (STAGE, "customer", SQL), (STATUS, "", "NEW"))
    corrections = tuple(
        Correction(
            record=left,
            property_name=name,
            before=before,
            after=after,
            direction=Direction.BACKWARD if name == STAGE else Direction.SET,
            rule="churned",
            reason="the subscription is canceled",
        )
        for name, before, after in values
    )
    move = Move(
        record=left,
        corrections=corrections,
        run="killed",
        plan="killed.1",
        policy="subscription",
        promised_at=START,
        phase=phase,
    )
    with club.store.begin() as session:
        outbox.promise(session, "1", [move])


POLICIES = (POLICY, "extends: standard")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_mark_that_arrived_before_the_process_died_is_written_down(
    club: Office, policy: str
) -> None:
    left = club.contact("customer", plan_state="canceled")
    club.read_all()
    club.edit(left, **{MARK: "true"})
    _leave_open(club, left, Phase.MARKING)
    recover(club.desk(policy))
    assert club.door.sent == []
    assert club.outcomes() == [(str(left), "true", "applied")]
    assert club.open_moves() == ()
    assert club.due() == (left,)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_mark_that_never_arrived_is_withdrawn(club: Office, policy: str) -> None:
    left = club.contact("customer", plan_state="canceled")
    club.read_all()
    _leave_open(club, left, Phase.MARKING)
    recover(club.desk(policy))
    assert (club.outcomes(), club.open_moves()) == ([], ())


@pytest.mark.parametrize("policy", POLICIES)
def test_a_gap_after_the_mark_is_filled_though_the_policy_lost_its_mark(
    club: Office, policy: str
) -> None:
    left = club.contact("customer", plan_state="canceled")
    club.read_all()
    club.edit(left, **{MARK: "true", STAGE: ""})
    _leave_open(club, left, Phase.CLEARED)
    recover(club.desk(policy))
    assert (club.stage(left), club.status(left)) == (SQL, "NEW")
    assert {one[2] for one in club.outcomes()} == {"applied"}
    assert len(club.outcomes()) == 3
