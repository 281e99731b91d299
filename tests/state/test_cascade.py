"""Everything stored of a record follows when it is merged, archived or deleted for good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.corrections.moves import correction_key
from connector.core.model import Correction, ObjectType, Outcome, Ref
from state import applied_corrections, associations, cascade, due_times, holds, mirror, quarantine
from state.db.transaction import Transaction
from tests.fakes.stored import quarantined_keys
from tests.state.examples import NOON, at, company, contact, correction, deal, link, record

MERGED, SURVIVOR, THIRD = contact(1), contact(2), contact(3)


def hold(target: Ref, *, until: int | None = None, scope: HoldScope = HoldScope.RECORD) -> Hold:
    return Hold(
        scope=scope,
        target=str(target),
        property_name="",
        reason="pilot",
        by="operator",
        since=NOON,
        until=None if until is None else at(until),
        origin=HoldOrigin.OPERATOR,
    )


def held_until(session: Transaction) -> dict[str, object]:
    return {entry.target: entry.until for entry in holds.read_active(session, now=NOON)}


def note_failure(session: Transaction, failed: Correction) -> int:
    return quarantine.note_failure(session, failed, outcome=Outcome.IGNORED, note="n", at=NOON)


def merge(session: Transaction, old: Ref = MERGED, survivor: Ref = SURVIVOR) -> None:
    cascade.follow_merge(session, {old: survivor}, at=NOON)


def test_a_hold_goes_over_to_the_survivor(session: Transaction) -> None:
    holds.add(session, [hold(MERGED, until=60), hold(THIRD)])
    merge(session)
    assert held_until(session) == {str(SURVIVOR): at(60), str(THIRD): None}


def test_a_hold_of_a_companys_contacts_goes_over_as_well(session: Transaction) -> None:
    holds.add(session, [hold(company(1), scope=HoldScope.COMPANY)])
    merge(session, company(1), company(2))
    assert held_until(session) == {str(company(2)): None}


@pytest.mark.parametrize(
    ("merged_until", "survivor_until", "expected_until"),
    [(60, 30, 60), (30, 60, 60), (None, 60, None), (60, None, None)],
)
def test_of_two_holds_the_longer_one_stays(
    session: Transaction,
    merged_until: int | None,
    survivor_until: int | None,
    expected_until: int | None,
) -> None:
    holds.add(session, [hold(MERGED, until=merged_until), hold(SURVIVOR, until=survivor_until)])
    merge(session)
    assert held_until(session) == {
        str(SURVIVOR): None if expected_until is None else at(expected_until)
    }


def test_what_is_quarantined_stays_so_on_the_survivor(session: Transaction) -> None:
    for _ in range(2):
        note_failure(session, correction(MERGED))
    merge(session)
    corrections = [correction(MERGED), correction(SURVIVOR), correction(THIRD)]
    assert quarantined_keys(session, corrections) == {correction_key(correction(SURVIVOR))}
    assert [entry.key for entry in quarantine.read_quarantined(session)] == [
        correction_key(correction(SURVIVOR))
    ]


def test_the_failures_of_both_records_are_added_up(session: Transaction) -> None:
    note_failure(session, correction(MERGED))
    note_failure(session, correction(SURVIVOR))
    merge(session)
    assert note_failure(session, correction(SURVIVOR)) == 3


def test_what_held_is_known_of_the_survivor(session: Transaction) -> None:
    applied_corrections.add(session, [correction(MERGED)], at=NOON)
    merge(session)
    corrections = [correction(MERGED), correction(SURVIVOR)]
    assert applied_corrections.reverted_times(session, corrections) == {
        correction_key(correction(SURVIVOR)): NOON
    }
    assert applied_corrections.reverted_times(session, [correction(SURVIVOR, after="lead")]) == {}


def test_what_the_survivor_itself_held_counts_more(session: Transaction) -> None:
    other_correction = correction(SURVIVOR, after="lead")
    applied_corrections.add(session, [correction(MERGED), other_correction], at=NOON)
    merge(session)
    corrections = [other_correction, correction(SURVIVOR)]
    assert applied_corrections.reverted_times(session, corrections) == {
        correction_key(other_correction): NOON
    }


def test_a_merge_is_carried_out_once(session: Transaction) -> None:
    merge(session)
    holds.add(session, [hold(MERGED)])
    merge(session)
    assert held_until(session) == {str(MERGED): None}


def test_a_lead_of_a_merged_contact_is_the_survivors(session: Transaction) -> None:
    own_lead, shared_lead = Ref(ObjectType.LEADS, "7"), Ref(ObjectType.LEADS, "8")
    links = {
        own_lead: [link(own_lead, MERGED)],
        shared_lead: [link(shared_lead, MERGED), link(shared_lead, SURVIVOR)],
    }
    associations.replace_all(session, links, ObjectType.CONTACTS)
    merge(session)
    stored = associations.read(session, [MERGED, SURVIVOR], ObjectType.LEADS)
    assert stored[MERGED] == ()
    assert [lead.target for lead in stored[SURVIVOR]] == [own_lead, shared_lead]


def test_whoever_was_linked_with_a_merged_or_archived_record_is_due(session: Transaction) -> None:
    first_deal, second_deal, archived_company = deal(7), deal(8), company(9)
    records = [record(ref) for ref in (MERGED, SURVIVOR, first_deal, second_deal, archived_company)]
    mirror.put(session, records, due_at=at(0))
    associations.replace_all(session, {first_deal: [link(first_deal, MERGED)]}, MERGED.object_type)
    associations.replace_all(
        session, {second_deal: [link(second_deal, SURVIVOR)]}, SURVIVOR.object_type
    )
    due_times.set_due(
        session,
        dict.fromkeys([MERGED, SURVIVOR, first_deal, second_deal, archived_company]),
    )

    cascade.follow_archive(session, [second_deal, archived_company], at=NOON + timedelta(minutes=1))
    assert due_times.due_refs(session, SURVIVOR.object_type, until=at(9)) == (SURVIVOR,)

    merge(session, MERGED, THIRD)
    assert due_times.due_refs(session, first_deal.object_type, until=at(9)) == (first_deal,)
