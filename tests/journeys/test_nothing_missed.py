"""A portal with all of HubSpot's oddities is read completely, and nothing is read twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.core.model import ObjectType, Ref
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.pull.verify_mirror import verify_mirror
from connector.sandbox.portal.portal import Portal
from state import mirror
from tests.fakes.rescan import rescan_all
from tests.journeys.mirror_comparison import differences
from tests.journeys.sample_records import LOST, OPEN, create_contact, create_deal
from tests.journeys.workspace import Workspace, new_portal

NewWorkspace = Callable[..., Workspace]
CONTACTS = ObjectType.CONTACTS


def pull_once(workspace: Workspace) -> None:
    with workspace.open_context() as context:
        pull(context)


def poll(workspace: Workspace, *, minutes: int, every: int = 5) -> None:
    with workspace.open_context() as context:
        for _ in range(minutes // every):
            workspace.portal.clock.advance(every * 60)
            pull(context)


def count_mirrored_contacts(workspace: Workspace) -> int:
    with workspace.store() as store, store.reading(str(workspace.portal.portal_id)) as session:
        return mirror.count(session)[CONTACTS]


def create_contacts(portal: Portal, count: int, *, seconds_apart: float = 0.0) -> None:
    """Create contacts, so many seconds apart."""
    now = portal.clock.now()
    for number in range(count):
        portal.create(
            "contacts",
            {"email": f"p{number}@fjord.example", "lifecyclestage": "lead"},
            at=now + timedelta(seconds=number * seconds_apart),
        )


def test_twelve_thousand_contacts_with_one_timestamp_are_all_mirrored(workspace: Workspace) -> None:
    pull_once(workspace)
    workspace.portal.clock.advance(60)
    create_contacts(workspace.portal, 12_000)
    workspace.portal.clock.advance(1)
    pull_once(workspace)
    assert count_mirrored_contacts(workspace) == 12_000


def test_twenty_five_thousand_changes_in_one_window_are_all_mirrored(workspace: Workspace) -> None:
    pull_once(workspace)
    create_contacts(workspace.portal, 25_000, seconds_apart=0.01)
    workspace.portal.clock.advance(300)
    pull_once(workspace)
    assert count_mirrored_contacts(workspace) == 25_000
    assert differences(workspace) == {}


def test_a_record_that_the_search_shows_fifty_minutes_late_is_found(workspace: Workspace) -> None:
    pull_once(workspace)
    poll(workspace, minutes=20)
    workspace.portal.switches.search_lag_seconds = 50 * 60.0
    late_id = create_contact(workspace.portal, "late", days=0)
    poll(workspace, minutes=45)
    assert count_mirrored_contacts(workspace) == 0
    workspace.portal.switches.search_lag_seconds = 0.0

    poll(workspace, minutes=120)

    assert workspace.portal.record("contacts", late_id)
    assert count_mirrored_contacts(workspace) == 1


def test_rows_out_of_order_and_modified_while_paging_end_as_in_the_portal(
    workspace: Workspace,
) -> None:
    portal, rng = workspace.portal, random.Random(4)
    pull_once(workspace)
    portal.switches.rows_out_of_order = True
    portal.switches.rows_outside_window = True
    create_contacts(portal, 2_000, seconds_apart=0.1)
    portal.clock.advance(300)

    def modify(_: object) -> None:
        for _ in range(3):
            record = rng.choice(portal.records("contacts"))
            portal.edit("contacts", str(record.id), {"jobtitle": str(rng.random())})

    workspace.sandbox.after_answer = modify
    pull_once(workspace)
    workspace.sandbox.after_answer = None
    portal.clock.advance(60)
    pull_once(workspace)

    assert differences(workspace) == {}


def test_a_portal_unchanged_for_longer_than_the_overlap_costs_three_searches_a_poll(
    workspace: Workspace,
) -> None:
    for number in range(300):
        create_contact(workspace.portal, f"p{number}", "lead")
    workspace.sync()
    workspace.portal.clock.advance(3600)
    workspace.sync()
    workspace.portal.clock.advance(600)
    workspace.sandbox.clear_requests()
    workspace.sync()
    assert Counter(
        request.route for request in workspace.sandbox.requests if request.route != "properties"
    ) == {
        "search": 3,
        "account": 1,
        "pipelines": 1,
    }


def test_a_thousand_changed_contacts_are_put_right_with_twenty_nine_requests_at_most(
    workspace: Workspace,
) -> None:
    portal = workspace.portal
    lead_ids = [create_contact(portal, f"p{number}", "lead") for number in range(960)]
    opportunity_ids = [
        create_contact(portal, f"b{number}", "opportunity", "OPEN_DEAL") for number in range(40)
    ]
    for record_id in lead_ids[:160]:
        create_deal(portal, [OPEN], contacts=[record_id])
    deal_ids = [
        create_deal(portal, [OPEN], contacts=[contact_id]) for contact_id in opportunity_ids
    ]
    for record_id in lead_ids[:160]:
        portal.edit("contacts", record_id, {"lifecyclestage": "opportunity", "hs_lead_status": ""})
    workspace.sync()
    for record_id in deal_ids:
        portal.edit("deals", record_id, {"dealstage": LOST})
    workspace.sync()
    portal.clock.advance(7200)
    workspace.sync()
    portal.clock.advance(600)
    wrong_values = {contact_id: {"hs_lead_status": "NEW"} for contact_id in lead_ids[:160]}
    wrong_values |= {
        contact_id: {"lifecyclestage": "opportunity"} for contact_id in opportunity_ids
    }
    for number, record_id in enumerate([*lead_ids, *opportunity_ids]):
        values = {"jobtitle": f"chef {number}", **wrong_values.get(record_id, {})}
        portal.edit(
            "contacts", record_id, values, source="AUTOMATION_PLATFORM"
        )  # nobody's own word
        portal.clock.advance(0.05)
    portal.clock.advance(60)

    with workspace.open_context() as context:
        context.api.account()
        workspace.sandbox.clear_requests()  # the portal's own definitions
        synced = sync(replace(context, permitted=True))  # a fifth of all contacts is over a limit

    routes = Counter(request.route for request in workspace.sandbox.requests)
    assert synced.pulled is not None
    assert synced.pulled.changed[CONTACTS] == 1000
    assert (
        len({str(line.record) for line in workspace.audit_lines() if line.run == synced.run}) == 200
    )
    assert synced.plan.summary.by_direction["backward"] == 40
    # Eight pages of changes (a search answers 200 rows), and their associations (1,000 a request).
    # 200 histories before the writes, 50 a request; 200 deals as evidence, 100 a request; the
    # associations of what goes back. Backward moves in steps of one, ten and 29: six writes, and a
    # seventh for the rest. Histories after the writes: one, ten, 89 and 100 records.
    reads = 4 + 2 + (1 + 1 + 2 + 2)
    assert routes == {"search": 8, "associations": 2, "batch_read": reads, "batch_update": 7}


def _erase_from_mirror(workspace: Workspace, refs: list[Ref]) -> None:
    with workspace.store() as store, store.begin(str(workspace.portal.portal_id)) as session:
        mirror.erase(session, refs)


def test_the_proof_finds_what_the_mirror_lacks_and_what_it_should_not_have(
    workspace: Workspace,
) -> None:
    portal = workspace.portal
    create_contacts(portal, 3_000, seconds_apart=0.5)
    portal.clock.advance(3600)
    pull_once(workspace)
    portal.clock.advance(3600)
    records = portal.records("contacts")
    _erase_from_mirror(workspace, [Ref(CONTACTS, str(record.id)) for record in records[700:707]])
    for record in records[2000:2003]:
        portal.archive("contacts", str(record.id))

    with workspace.open_context() as context:
        workspace.sandbox.clear_requests()
        contact_proof = {proof.kind: proof for proof in verify_mirror(context)}[CONTACTS]

    assert (contact_proof.missing, contact_proof.removed, contact_proof.agrees) == (7, 3, True)
    assert (contact_proof.portal, contact_proof.mirrored) == (2997, 2993)
    assert workspace.sandbox.request_count("search") < 60
    assert differences(workspace) == {}


def test_a_complete_mirror_is_proven_with_a_count_and_a_sample_for_each_type(
    workspace: Workspace,
) -> None:
    create_contacts(workspace.portal, 500, seconds_apart=1)
    workspace.portal.clock.advance(3600)
    pull_once(workspace)
    with workspace.open_context() as context:
        context.api.account()
        workspace.sandbox.clear_requests()
        proofs = verify_mirror(context)
    assert [proof.repaired for proof in proofs] == [0, 0, 0]
    assert Counter(request.route for request in workspace.sandbox.requests) == {
        "search": 9,
        "batch_read": 1,
    }


@pytest.mark.parametrize("bumps", [True, False])
def test_association_changes_are_known_after_the_rolling_re_read(
    new_workspace: NewWorkspace, bumps: bool
) -> None:
    portal = new_portal()
    portal.switches.association_bumps_modified = bumps
    old_contact, new_contact = create_contact(portal, "old"), create_contact(portal, "new")
    deal_id = create_deal(portal, [OPEN], contacts=[old_contact])
    workspace = new_workspace(portal)
    portal.clock.advance(600)
    pull_once(workspace)
    portal.clock.advance(600)
    portal.dissociate("deals", deal_id, "contacts", old_contact)
    portal.associate("deals", deal_id, "contacts", new_contact)
    portal.clock.advance(60)
    pull_once(workspace)
    assert (differences(workspace) == {}) is bumps
    with workspace.open_context() as context:
        rescan_all(context)
    assert differences(workspace) == {}
