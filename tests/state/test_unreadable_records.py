"""The records that were set aside: why, since when, and when they are tried next."""

from __future__ import annotations

from datetime import timedelta

from state import cascade, unreadable_records
from state.db.transaction import Transaction
from state.unreadable_records import FailedReading
from tests.state.examples import OTHER_PORTAL, at, contact, deal, in_portal

PAGE, RECORD = FailedReading.PAGE, FailedReading.RECORD


def test_a_record_is_new_once_and_waits_longer_each_time(session: Transaction) -> None:
    reasons = {contact(1): "no createdAt"}
    assert unreadable_records.set_aside(session, reasons, reading=PAGE, at=at(0)) == [contact(1)]
    assert unreadable_records.set_aside(session, reasons, reading=RECORD, at=at(20)) == []
    (entry,) = unreadable_records.read_all(session)
    assert (entry.record, entry.reading, entry.reason) == (contact(1), RECORD, "no createdAt")
    assert (entry.times, entry.since) == (2, at(0))
    assert entry.next_try == at(20) + timedelta(hours=1)


def test_only_those_are_due_whose_next_try_has_come(session: Transaction) -> None:
    unreadable_records.set_aside(session, {contact(1): "x"}, reading=PAGE, at=at(0))
    unreadable_records.set_aside(session, {deal(2): "y"}, reading=PAGE, at=at(10))
    due = unreadable_records.read_due(session, at=at(15))
    assert [entry.record for entry in due] == [contact(1)]
    unreadable_records.try_now(session, [deal(2)], at=at(15))
    due = unreadable_records.read_due(session, at=at(15))
    assert [entry.record for entry in due] == [contact(1), deal(2)]


def test_a_record_is_released_where_that_reading_had_failed(session: Transaction) -> None:
    unreadable_records.release(session, [contact(1)], readings={PAGE})
    unreadable_records.set_aside(session, {contact(1): "x"}, reading=PAGE, at=at(0))
    unreadable_records.release(session, [contact(1)], readings={RECORD})
    assert len(unreadable_records.read_all(session)) == 1
    unreadable_records.release(session, [contact(1), contact(2)], readings={PAGE})
    assert unreadable_records.read_all(session) == ()


def test_an_erased_record_is_forgotten(session: Transaction) -> None:
    reasons = {contact(1): "x", contact(2): "x", contact(3): "x"}
    unreadable_records.set_aside(session, reasons, reading=PAGE, at=at(0))
    cascade.erase(session, [contact(1)], at=at(1))
    cascade.follow_merge(session, {contact(2): contact(9)}, at=at(1))
    assert [entry.record for entry in unreadable_records.read_all(session)] == [contact(3)]


def test_another_portal_is_not_concerned(session: Transaction) -> None:
    unreadable_records.set_aside(session, {contact(1): "x"}, reading=PAGE, at=at(0))
    other_session = in_portal(session, OTHER_PORTAL)
    assert unreadable_records.read(other_session, [contact(1)]) == []
    assert unreadable_records.read_all(other_session) == ()
