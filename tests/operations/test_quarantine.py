"""What is set aside is listed in one place, tried again on request, or taken off the list."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, Outcome, Ref
from connector.errors import UserError
from connector.operations.quarantine import drop, list_set_aside, retry
from state import quarantine, unreadable_records
from state.unreadable_records import FailedReading
from tests.fakes.connected_portal import ConnectedPortal
from tests.fakes.moves import forward_correction


@pytest.fixture
def unreadable(portal: ConnectedPortal) -> Ref:
    """Return a contact that cannot be read; nothing is due."""
    contact = portal.contact()
    portal.read_all()
    with portal.store.begin("1") as session:
        unreadable_records.set_aside(
            session,
            {contact: "createdAt is missing"},
            reading=FailedReading.PAGE,
            at=portal.api.now(),
        )
    return contact


@pytest.fixture
def failed(portal: ConnectedPortal, unreadable: Ref) -> Ref:
    """Return a company of which a correction failed twice."""
    company = portal.company("lead")
    portal.api.advance(60)
    with portal.store.begin("1") as session:
        for _ in range(2):
            quarantine.note_failure(
                session,
                forward_correction(company),
                outcome=Outcome.REVERTED,
                note="a workflow",
                at=portal.api.now(),
            )
    return company


def entries_listed(portal: ConnectedPortal) -> list[tuple[Ref, str, str]]:
    with portal.store.reading("1") as session:
        return [
            (entry.record, entry.property_name, entry.reason) for entry in list_set_aside(session)
        ]


def test_records_and_corrections_are_listed_with_the_reason(
    portal: ConnectedPortal, unreadable: Ref, failed: Ref
) -> None:
    assert entries_listed(portal) == [
        (failed, STAGE, "reverted: a workflow"),
        (unreadable, "", "row in a list unreadable: createdAt is missing"),
    ]


def test_a_retry_makes_a_record_due_and_lets_the_next_poll_read_it(
    portal: ConnectedPortal, unreadable: Ref, failed: Ref
) -> None:
    assert retry(portal.context(), unreadable) == 1
    with portal.store.reading("1") as session:
        due = unreadable_records.read_due(session, at=portal.api.now())
    assert [entry.record for entry in due] == [unreadable]
    assert portal.due() == (unreadable,)
    assert retry(portal.context(), None) == 2
    assert [record for record, _, _ in entries_listed(portal)] == [unreadable]


def test_what_is_dropped_is_off_the_list_and_not_due(
    portal: ConnectedPortal, unreadable: Ref, failed: Ref
) -> None:
    assert drop(portal.context(), failed) == 1
    assert [record for record, _, _ in entries_listed(portal)] == [unreadable]
    assert drop(portal.context(), None) == 1
    assert (entries_listed(portal), portal.due()) == ([], ())


def test_a_record_that_is_not_set_aside_is_named_so(portal: ConnectedPortal) -> None:
    with pytest.raises(UserError, match="contacts/5 is not set aside"):
        retry(portal.context(), Ref.parse("contacts/5"))
