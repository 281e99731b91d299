"""With `lead_status.from: leads`, the lead status of a contact follows its lead in HubSpot."""

from __future__ import annotations

import pytest

from connector.core.model import LEAD_STAGE, STATUS, ObjectType, Ref
from connector.errors import UserError
from connector.operations.explain import explain_record
from connector.operations.sync import sync
from connector.pull.poll import pull, require_mirror
from connector.pull.verify_mirror import verify_mirror
from connector.push.push import push
from connector.reports.record import record_view
from state import associations, checkpoints, due_times, mirror, unreadable_records
from state.unreadable_records import FailedReading
from tests.fakes.connected_portal import SQL, ConnectedPortal
from tests.fakes.rescan import rescan_all

FROM_LEADS = "extends: standard\nsettings: {lead_status: {from: leads}}"
LEADS = ObjectType.LEADS


def add_lead(portal: ConnectedPortal, contact: Ref, stage: str = "attempting-stage-id") -> Ref:
    lead = Ref(LEADS, str(next(portal.record_ids)))
    portal.api.put(lead, {LEAD_STAGE: stage, "hs_pipeline": "lead-pipeline-id"})
    portal.api.associate(lead, contact)
    return lead


def read_leads(portal: ConnectedPortal) -> None:
    """Pull everything, and decide what is due, until nothing changes."""
    portal.api.advance(3600)
    pull(portal.context(FROM_LEADS))
    portal.clear_due()


def test_the_lead_status_follows_the_lead_from_stage_to_stage(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL, "NEW")
    lead = add_lead(portal, contact)
    sync(portal.context(FROM_LEADS))
    assert portal.status(contact) == "ATTEMPTED_TO_CONTACT"

    portal.api.advance(3600)
    portal.edit_as_person(lead, **{LEAD_STAGE: "connected-stage-id"})
    portal.api.advance(60)
    result = sync(portal.context(FROM_LEADS))
    assert portal.status(contact) == "CONNECTED"
    assert result.plan is not None
    correction = portal.corrections(result.plan)[0]
    assert correction.rule == "status-of-lead"
    assert correction.reason == f"{lead} is in Connected since 2026-03-12"
    assert correction.evidence == (f"{lead} is in Connected since 2026-03-12",)


def test_a_policy_that_does_not_ask_for_leads_reads_none(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL, "NEW")
    lead = add_lead(portal, contact)
    sync(portal.context())
    assert portal.status(contact) == "NEW"
    assert portal.mirrored(lead) is None


def test_a_changed_lead_makes_its_contact_due_and_no_other(portal: ConnectedPortal) -> None:
    contact, _ = portal.contact(SQL, "NEW"), portal.contact(SQL, "NEW")
    lead = add_lead(portal, contact)
    read_leads(portal)
    portal.edit_as_person(lead, **{LEAD_STAGE: "connected-stage-id"})
    portal.api.advance(60)
    pull(portal.context(FROM_LEADS))
    assert portal.due() == (contact,)


def test_a_lead_that_moves_to_another_contact_makes_both_due(portal: ConnectedPortal) -> None:
    before, after = portal.contact(SQL, "NEW"), portal.contact(SQL, "NEW")
    lead = add_lead(portal, before)
    read_leads(portal)
    portal.api.dissociate(lead, before)
    portal.api.associate(lead, after)
    rescan_all(portal.context(FROM_LEADS))
    assert portal.due() == (before, after)


def test_a_lead_that_cannot_be_read_is_not_taken_for_no_lead(portal: ConnectedPortal) -> None:
    contact, without_lead = portal.contact(SQL), portal.contact(SQL)
    lead = add_lead(portal, contact)
    portal.api.unreadable_links.add(lead)
    sync(portal.context(FROM_LEADS))
    # Its contact is not known, so the other contact is decided, and the lead is set aside.
    assert portal.status(without_lead) == "NEW"
    with portal.store.reading("1") as session:
        assert [entry.record for entry in unreadable_records.read_all(session)] == [lead]


def test_a_contact_waits_while_its_lead_cannot_be_read(portal: ConnectedPortal) -> None:
    contact, without_lead = portal.contact(SQL), portal.contact(SQL)
    lead = add_lead(portal, contact)
    read_leads(portal)
    with portal.store.begin("1") as session:
        unreadable_records.set_aside(
            session, {lead: "not served"}, reading=FailedReading.PAGE, at=portal.api.now()
        )
        due_times.mark_due(session, [contact, without_lead], at=portal.api.now())
    plan = portal.propose(portal.context(FROM_LEADS))
    assert [record for record, *_ in portal.changes(plan)] == [str(without_lead)]


def test_a_contact_waits_while_the_mirror_lacks_its_lead(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL)
    lead = add_lead(portal, contact)
    read_leads(portal)
    with portal.store.begin("1") as session:
        mirror.erase(session, [lead])
        assert associations.read(session, [contact], LEADS)[contact]
        due_times.mark_due(session, [contact], at=portal.api.now())
    assert portal.changes(portal.propose(portal.context(FROM_LEADS))) == []


def test_an_archived_lead_says_nothing_any_more(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL)
    lead = add_lead(portal, contact)
    read_leads(portal)
    portal.api.archive(lead)
    rescan_all(portal.context(FROM_LEADS))
    assert portal.due() == (contact,)
    changes = portal.changes(portal.propose(portal.context(FROM_LEADS)))
    assert changes == [(str(contact), "", "NEW", "status-new")]


def test_a_person_s_lead_status_stands_until_the_lead_moves_on(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL, "NEW")
    lead = add_lead(portal, contact)
    portal.api.advance(3600)
    portal.edit_as_person(contact, **{STATUS: "IN_PROGRESS"})
    sync(portal.context(FROM_LEADS))
    assert portal.status(contact) == "IN_PROGRESS"

    portal.api.advance(3600)
    portal.edit_as_person(lead, **{LEAD_STAGE: "connected-stage-id"})
    portal.api.advance(60)
    sync(portal.context(FROM_LEADS))
    assert portal.status(contact) == "CONNECTED"


def test_a_lead_that_moved_since_the_decision_stops_the_write(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL, "NEW")
    lead = add_lead(portal, contact)
    context = portal.context(FROM_LEADS)
    pull(context)
    plan = portal.propose(context)
    assert portal.changes(plan)[0][2] == "ATTEMPTED_TO_CONTACT"
    portal.edit_as_person(lead, **{LEAD_STAGE: "connected-stage-id"})
    push(context, plan)
    assert portal.outcomes() == [(str(contact), "ATTEMPTED_TO_CONTACT", "stale")]
    assert portal.status(contact) == "NEW"
    assert portal.due() == (contact,)


def test_the_mirror_is_proven_for_leads_too(portal: ConnectedPortal) -> None:
    add_lead(portal, portal.contact(SQL))
    portal.api.advance(7200)
    proofs = verify_mirror(portal.context(FROM_LEADS))
    assert [(proof.kind, proof.portal, proof.agrees) for proof in proofs][-1] == (LEADS, 1, True)


def test_a_round_of_rereading_goes_on_where_leads_are_no_longer_read(
    portal: ConnectedPortal,
) -> None:
    add_lead(portal, portal.contact(SQL))
    read_leads(portal)
    with portal.store.begin("1") as session:
        round_of_leads = {**(checkpoints.get(session, "rolling") or {}), "kind": "leads"}
        checkpoints.put(session, "rolling", round_of_leads)
    portal.api.advance(86_400)
    pull(portal.context())
    with portal.store.reading("1") as session:
        assert checkpoints.get(session, "rolling")["kind"] != "leads"


def test_a_policy_with_leads_asks_for_them_where_the_mirror_has_none(
    portal: ConnectedPortal,
) -> None:
    portal.contact(SQL)
    pull(portal.context())
    with pytest.raises(UserError, match="does not hold all leads"):
        require_mirror(portal.context(FROM_LEADS))


def test_a_lead_has_no_lifecycle_stage_to_explain(portal: ConnectedPortal) -> None:
    lead = add_lead(portal, portal.contact(SQL))
    read_leads(portal)
    for look_at in (explain_record, record_view):
        with pytest.raises(UserError, match="A lead has no lifecycle stage"):
            look_at(portal.context(FROM_LEADS), lead)
