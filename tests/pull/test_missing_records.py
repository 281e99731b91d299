"""The mirror follows records that were archived, restored, merged or deleted for good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.context import RunContext
from connector.core.corrections.audit import AuditLine, IntactChain
from connector.core.corrections.moves import Move, Phase
from connector.core.model import STAGE, Outcome, Ref, Version
from connector.operations.sync import sync
from connector.pull.missing_records import resolve_missing
from connector.pull.poll import pull
from connector.pull.verify_mirror import verify_mirror
from connector.push.recover_open_moves import recover
from state import audit, due_times, ledger, mirror, outbox
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    DEALS,
    LOST,
    OPEN,
    START,
    WON,
    ConnectedPortal,
)
from tests.fakes.moves import backward_correction, move_of
from tests.fakes.rescan import rescan_all


def open_move(ref: Ref) -> Move:
    return move_of(backward_correction(ref), at=START)


def line(ref: Ref) -> AuditLine:
    return AuditLine(
        at=START,
        run="r",
        record=ref,
        property_name=STAGE,
        before="lead",
        after="customer",
        rule="won",
        policy="standard",
        outcome=Outcome.APPLIED,
        correlation_id="",
    )


def append_lines(portal: ConnectedPortal, *lines: AuditLine) -> None:
    with portal.store.begin("1") as session:
        audit.append(session, lines)


def audit_rows(portal: ConnectedPortal, ref: Ref) -> list[tuple[str, str, bool]]:
    with portal.store.reading("1") as session:
        entries = list(audit.read(session, record=ref))
        assert isinstance(audit.verify(session), IntactChain)
    return [(str(entry.record), entry.after, entry.redacted) for entry in entries]


def test_an_archived_record_leaves_every_decision_and_comes_back_when_restored(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    portal.read_all()
    portal.api.archive(contact)
    rescan_all(portal.context())
    assert portal.mirrored(contact) is None

    portal.api.restore(contact)
    rescan_all(portal.context())

    assert portal.mirrored(contact) is not None
    assert portal.due() == (contact,)


_REMOVALS = {
    "archived": lambda portal, ref: portal.api.archive(ref),
    "deleted for good": lambda portal, ref: portal.api.delete(ref),
}
_READINGS = {"daily rescan": rescan_all, "proof of the mirror": verify_mirror}


@pytest.mark.parametrize("read_again", _READINGS.values(), ids=_READINGS)
@pytest.mark.parametrize("remove", _REMOVALS.values(), ids=_REMOVALS)
def test_whoever_rested_on_a_record_that_is_gone_is_due(
    portal: ConnectedPortal,
    remove: Callable[[ConnectedPortal, Ref], None],
    read_again: Callable[[RunContext], object],
) -> None:
    contact, company = portal.contact("customer"), portal.company("customer")
    partner = portal.company("customer")
    member = portal.contact("lead", associatedcompanyid=partner.id)
    left_company = portal.company("lead")
    left_contact = portal.contact("lead", associatedcompanyid=left_company.id)
    deal = portal.deal(WON, contact, company)
    portal.read_all()
    # Nothing changes on the records that are linked with these.
    for ref in (deal, partner, left_contact):
        remove(portal, ref)

    read_again(portal.context())

    assert portal.due() == (contact, member)
    assert portal.due(COMPANIES) == (company, left_company)
    assert portal.due(DEALS) == ()


def test_whoever_rested_on_an_archived_record_is_due_only_once(portal: ConnectedPortal) -> None:
    deal = portal.deal(WON, portal.contact("customer"))
    portal.read_all()
    portal.api.archive(deal)
    rescan_all(portal.context())
    portal.clear_due()

    rescan_all(portal.context())

    assert portal.due() == ()


def test_a_merge_is_known_from_the_survivor_without_another_request(
    portal: ConnectedPortal,
) -> None:
    survivor, merged = portal.contact("lead"), portal.contact("lead")
    deal = portal.deal(OPEN, merged)
    portal.read_all()
    append_lines(portal, line(merged))
    with portal.store.begin("1") as session:
        version = Version(value="lead", at=START, source_type="CRM_UI")
        ledger.store_histories(session, STAGE, {merged: [version]})
    portal.api.advance(3600)
    portal.api.dissociate(deal, merged)
    portal.link(deal, survivor)
    portal.api.merge(survivor, merged)

    pull(portal.context())

    assert portal.take_requests() == {"changed": 3, "associations": 1}
    assert portal.mirrored(merged) is None
    assert portal.due() == (survivor,)
    assert (
        audit_rows(portal, survivor)
        == audit_rows(portal, merged)
        == [(str(merged), "customer", False)]
    )
    with portal.store.reading("1") as session:
        assert ledger.read_versions(session, [survivor], STAGE)[survivor] == (version,)
        assert ledger.read_versions(session, [merged], STAGE)[merged] == ()


def test_a_survivor_of_a_survivor_is_found_by_the_first_id(portal: ConnectedPortal) -> None:
    first, second, third = (portal.contact("lead") for _ in range(3))
    portal.read_all()
    append_lines(portal, line(first), line(second))
    portal.api.merge(second, first)
    portal.api.advance(3600)
    pull(portal.context())
    portal.api.merge(third, second)
    portal.api.advance(3600)
    pull(portal.context())
    assert [row[0] for row in audit_rows(portal, first)] == [str(first), str(second)]
    assert audit_rows(portal, first) == audit_rows(portal, third)


def test_a_row_of_a_merged_id_that_the_search_still_shows_is_left_out(
    portal: ConnectedPortal,
) -> None:
    survivor, merged = portal.contact("lead"), portal.contact("lead")
    portal.read_all()
    old_record = portal.api._records[merged]
    portal.api.advance(3600)
    portal.api.merge(survivor, merged)
    pull(portal.context())
    portal.api.advance(60)
    portal.api.put(merged, {"email": "late@fjord.example"})
    assert portal.api._records[merged] != old_record

    pull(portal.context())

    assert portal.mirrored(merged) is None


@pytest.mark.parametrize("phase", [Phase.PROMISED, Phase.CLEARED])
def test_an_open_move_of_a_merged_record_is_finished_on_the_survivor(
    portal: ConnectedPortal, phase: Phase
) -> None:
    survivor, merged = portal.contact("customer"), portal.contact("customer")
    portal.deal(OPEN, survivor)
    portal.read_all()
    with portal.store.begin("1") as session:
        outbox.promise(session, [open_move(merged)])
        outbox.advance(session, [merged], phase)
    portal.api.merge(survivor, merged)
    if phase is Phase.CLEARED:
        portal.clear_as_connector(survivor)

    recover(portal.context())

    assert portal.open_moves() == ()
    assert portal.stage(survivor) == ("opportunity" if phase is Phase.CLEARED else "customer")
    assert [outcome[0] for outcome in portal.outcomes()] == [str(survivor)] * (
        phase is Phase.CLEARED
    )


def test_two_open_moves_become_one_when_their_records_are_merged(portal: ConnectedPortal) -> None:
    survivor, merged = portal.contact("customer"), portal.contact("customer")
    portal.read_all()
    with portal.store.begin("1") as session:
        outbox.promise(session, [open_move(merged), open_move(survivor)])
    portal.api.merge(survivor, merged)
    recover(portal.context())
    assert portal.open_moves() == ()


def test_a_record_merged_between_decision_and_write_is_carried_over_at_once(
    portal: ConnectedPortal,
) -> None:
    survivor, merged = portal.contact("opportunity", "OPEN_DEAL"), portal.contact("lead")
    deal = portal.deal(OPEN, merged, survivor)
    portal.read_all()
    portal.clear_due()
    with portal.store.begin("1") as session:
        due_times.mark_due(session, [merged], at=START)
    assert deal

    def merge() -> None:
        portal.api.merge(survivor, merged)

    portal.api.before("read", 2, merge)
    sync(portal.context())

    assert portal.mirrored(merged) is None
    assert {outcome[2] for outcome in portal.outcomes()} == {"stale"}
    assert audit_rows(portal, survivor) == audit_rows(portal, merged) != []


def test_a_deletion_for_privacy_wipes_the_mirror_and_redacts_the_audit(
    portal: ConnectedPortal,
) -> None:
    contact, other_contact = portal.contact("lead"), portal.contact("lead")
    portal.deal(LOST, contact)
    portal.read_all()
    append_lines(portal, line(contact), line(other_contact))
    with portal.store.begin("1") as session:
        ledger.store_histories(
            session, STAGE, {contact: [Version(value="lead", at=START, source_type="CRM_UI")]}
        )
    portal.api.delete(contact)

    rescan_all(portal.context())

    assert portal.mirrored(contact) is None
    assert audit_rows(portal, contact) == [(str(contact), "", True)]
    assert audit_rows(portal, other_contact) == [(str(other_contact), "customer", False)]
    with portal.store.reading("1") as session:
        assert mirror.get(session, [contact]) == {}
        assert ledger.read_versions(session, [contact], STAGE)[contact] == ()


def test_a_privacy_deletion_out_of_the_recycling_bin_is_found_as_well(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    portal.read_all()
    append_lines(portal, line(contact))
    portal.api.archive(contact)
    rescan_all(portal.context())
    assert audit_rows(portal, contact)[0][2] is False
    portal.api.delete(contact)
    rescan_all(portal.context())
    assert audit_rows(portal, contact)[0][2] is True


def test_what_lay_in_the_bin_for_ninety_days_is_not_asked_for_any_more(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    portal.read_all()
    portal.api.archive(contact)
    rescan_all(portal.context())
    portal.api.advance(timedelta(days=91).total_seconds())
    portal.take_requests()
    rescan_all(portal.context())
    assert portal.take_requests() == {"page": 3}


def test_a_merged_id_that_only_a_single_read_follows_is_followed(portal: ConnectedPortal) -> None:
    survivor, merged = portal.contact("lead"), portal.contact("lead")
    portal.read_all()
    portal.api.merge(survivor, merged)
    portal.api.follows_merges = False

    result = resolve_missing(portal.context(), [merged])

    assert (result.merged, result.deleted) == ({merged: survivor}, frozenset())
    assert portal.due(CONTACTS) == (survivor,)
