"""A write whose outcome is unknown is read back before anything is sent again."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, STATUS, Outcome
from connector.hubspot.http.failures import OutcomeUnknown, Unavailable
from tests.fakes.connected_portal import (
    OPEN,
    SQL,
    ConnectedPortal,
)
from tests.push.pushed_records import create_reopened_customer, create_won_lead, refuse_values, run

OUTCOME_UNKNOWN = OutcomeUnknown("HubSpot may or may not have written: read back first")


# What nobody knows after sending


@pytest.mark.parametrize("after", [False, True], ids=["before it was written", "after"])
@pytest.mark.parametrize("request_number", [1, 2], ids=["clear", "set"])
def test_a_write_whose_outcome_is_unknown_is_read_back_before_it_is_sent_again(
    portal: ConnectedPortal, request_number: int, after: bool
) -> None:
    contact = create_reopened_customer(portal)
    portal.api.before(
        "update", request_number, lambda: portal.api.fail("update", OUTCOME_UNKNOWN, after=after)
    )
    result = run(portal)
    assert portal.stage(contact) == "opportunity"
    assert len(portal.api.sent_updates) == 2 + (not after)
    assert result.outcomes == {Outcome.APPLIED: 2}
    assert portal.waits == [1.0]


def test_a_portal_that_stays_away_leaves_the_move_open_for_the_next_start(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    for _ in range(6):
        portal.api.fail("update", OUTCOME_UNKNOWN)
    with pytest.raises(OutcomeUnknown):
        run(portal)
    assert portal.waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert [move.record for move in portal.open_moves()] == [contact]
    assert portal.outcomes() == []

    run(portal)

    assert portal.stage(contact) == "opportunity"


def test_a_portal_that_comes_back_at_the_last_try_is_written(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    for _ in range(5):
        portal.api.fail("update", OUTCOME_UNKNOWN)
    result = run(portal)
    assert result.outcomes == {Outcome.APPLIED: 1}
    assert portal.stage(contact) == "customer"


def test_a_read_that_fails_after_the_write_leaves_the_move_open(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.before(
        "read", 4, lambda: portal.api.fail("read", Unavailable("HubSpot failed: try later"))
    )
    with pytest.raises(Unavailable):
        run(portal)
    assert [move.record for move in portal.open_moves()] == [contact]
    assert run(portal).recovered == 1
    assert portal.outcomes() == [(str(contact), "customer", "applied")]


def test_an_answer_that_does_not_name_a_record_is_not_believed_for_it(
    portal: ConnectedPortal,
) -> None:
    first, second = create_won_lead(portal), create_won_lead(portal)
    portal.api.unanswered_per_update = [frozenset({first})]
    result = run(portal)
    assert portal.api.sent_updates == [
        {first: {STAGE: "customer"}, second: {STAGE: "customer"}},
        {first: {STAGE: "customer"}},
    ]
    assert result.outcomes == {Outcome.APPLIED: 2}


def test_a_record_that_is_never_named_ends_refused(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.unanswered_per_update = [frozenset({contact})] * 6
    result = run(portal)
    assert portal.stage(contact) == "lead"
    assert result.outcomes == {Outcome.REFUSED: 1}
    assert len(portal.api.sent_updates) == 6


def test_a_record_gone_while_its_outcome_is_unknown_ends_stale(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.fail("update", OUTCOME_UNKNOWN)
    portal.api.before("update", 1, lambda: portal.api.archive(contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 1}
    assert portal.mirrored(contact) is None


def test_an_unknown_outcome_inside_a_halved_batch_is_read_back_too(portal: ConnectedPortal) -> None:
    contacts = [portal.contact() for _ in range(2)]
    contact = portal.contact(SQL, "CONNECTED")
    portal.deal(OPEN, contact)
    refuse_values(portal, (contacts[0], STAGE, "lead"), (contact, STATUS, "OPEN_DEAL"))
    for number in (4, 6):
        portal.api.before("update", number, lambda: portal.api.fail("update", OUTCOME_UNKNOWN))
    run(portal)
    assert portal.stage(contacts[1]) == "lead"
    assert portal.stage(contact) == "opportunity"
    assert portal.status(contact) == "CONNECTED"
