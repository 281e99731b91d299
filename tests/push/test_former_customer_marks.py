"""A former customer is marked before the stage goes back, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.core.corrections.moves import Phase
from connector.core.lint.default_portal import default_portal, definition
from connector.core.model import STAGE, STATUS, Direction, Ref
from connector.operations.sync import sync
from connector.push.recover_open_moves import recover
from state import outbox
from tests.fakes.connected_portal import COMPANIES, CONTACTS, DEALS, SQL, START, ConnectedPortal
from tests.fakes.moves import backward_correction, move_of

MARK = "former"
POLICY = (
    "extends: subscription\nsettings:\n  subscription: {property: plan_state}\n"
    "  churn: {practice: back-to-sales, mark: former}\n"
)


@pytest.fixture
def portal(open_portal: Callable[..., ConnectedPortal]) -> ConnectedPortal:
    """Open an office in a portal with subscriptions and a mark."""
    properties = {
        CONTACTS: [definition("plan_state"), definition(MARK, "bool")],
        COMPANIES: [],
        DEALS: [],
    }
    return open_portal(default_portal(extra_properties=properties))


def _create_former_customer(portal: ConnectedPortal) -> Ref:
    former_customer = portal.contact("customer", plan_state="canceled")
    portal.api.advance(3600)
    return former_customer


def test_a_former_customer_is_marked_before_the_stage_goes_back(portal: ConnectedPortal) -> None:
    former_customer = _create_former_customer(portal)
    sync(portal.context(POLICY))
    assert portal.stage(former_customer) == SQL
    assert portal.api.value(former_customer, MARK) == "true"
    assert portal.api.sent_updates[:2] == [
        {former_customer: {MARK: "true"}},
        {former_customer: {STAGE: ""}},
    ]


def test_where_the_mark_does_not_hold_the_stage_stays(portal: ConnectedPortal) -> None:
    portal.api.ignores_write = lambda _ref, name, _value: name == MARK
    former_customer = _create_former_customer(portal)
    sync(portal.context(POLICY))
    assert portal.stage(former_customer) == "customer"
    assert (str(former_customer), "true", "ignored") in portal.outcomes()


def test_who_was_marked_by_somebody_else_meanwhile_goes_back_all_the_same(
    portal: ConnectedPortal,
) -> None:
    former_customer = _create_former_customer(portal)
    portal.api.before("read", 1, lambda: portal.edit(former_customer, **{MARK: "true"}))
    sync(portal.context(POLICY))
    assert portal.stage(former_customer) == SQL
    outcomes = [(after, outcome) for _, after, outcome in portal.outcomes()]
    assert outcomes == [(SQL, "applied"), ("NEW", "applied")]


def _leave_move_open(portal: ConnectedPortal, former_customer: Ref, phase: Phase) -> None:
    """Leave a move with a mark open as a process does that was killed in this phase."""
    values = ((MARK, "", "true"), (STAGE, "customer", SQL), (STATUS, "", "NEW"))
    corrections = tuple(
        backward_correction(
            former_customer,
            property_name=name,
            before=before,
            after=after,
            direction=Direction.BACKWARD if name == STAGE else Direction.SET,
            rule="churned",
            reason="the subscription is canceled",
        )
        for name, before, after in values
    )
    move = move_of(*corrections, at=START, policy="subscription", phase=phase)
    with portal.store.begin("1") as session:
        outbox.promise(session, [move])


POLICIES = (POLICY, "extends: standard")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_mark_that_arrived_before_the_process_died_is_written_down(
    portal: ConnectedPortal, policy: str
) -> None:
    former_customer = portal.contact("customer", plan_state="canceled")
    portal.read_all()
    portal.edit(former_customer, **{MARK: "true"})
    _leave_move_open(portal, former_customer, Phase.MARKING)
    recover(portal.context(policy))
    assert portal.api.sent_updates == []
    assert portal.outcomes() == [(str(former_customer), "true", "applied")]
    assert portal.open_moves() == ()
    assert portal.due() == (former_customer,)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_mark_that_never_arrived_is_withdrawn(portal: ConnectedPortal, policy: str) -> None:
    former_customer = portal.contact("customer", plan_state="canceled")
    portal.read_all()
    _leave_move_open(portal, former_customer, Phase.MARKING)
    recover(portal.context(policy))
    assert (portal.outcomes(), portal.open_moves()) == ([], ())


@pytest.mark.parametrize("policy", POLICIES)
def test_a_gap_after_the_mark_is_filled_though_the_policy_lost_its_mark(
    portal: ConnectedPortal, policy: str
) -> None:
    former_customer = portal.contact("customer", plan_state="canceled")
    portal.read_all()
    portal.edit(former_customer, **{MARK: "true"})
    portal.clear_as_connector(former_customer)
    _leave_move_open(portal, former_customer, Phase.CLEARED)
    recover(portal.context(policy))
    assert (portal.stage(former_customer), portal.status(former_customer)) == (SQL, "NEW")
    assert {outcome[2] for outcome in portal.outcomes()} == {"applied"}
    assert len(portal.outcomes()) == 3
