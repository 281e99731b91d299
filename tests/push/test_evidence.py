"""What a correction rests on is read again just before it is written."""

from __future__ import annotations

from datetime import timedelta

from connector.core.model import ObjectType, Outcome, Ref
from connector.operations.sync import SyncResult, sync
from connector.pull.poll import pull
from connector.push.push import push
from state import associations
from tests.fakes.connected_portal import DAY, LOST, OPEN, WON, ConnectedPortal


def run(portal: ConnectedPortal) -> SyncResult:
    portal.api.advance(DAY)
    return sync(portal.context())


def create_lost_customer(portal: ConnectedPortal) -> tuple[Ref, Ref]:
    """Create a customer whose only deal was won and is lost now; return contact and deal."""
    contact = portal.contact("customer")
    deal = portal.deal(WON, contact)
    portal.api.advance(1)
    portal.edit(deal, dealstage=LOST)
    return contact, deal


def test_a_deal_archived_since_the_plan_makes_nobody_a_customer(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    deal = portal.deal(WON, contact)
    pull(portal.context())
    plan = portal.propose()
    portal.api.archive(deal)
    outcomes = push(portal.context(), plan)
    assert outcomes == {Outcome.STALE: 1}
    assert portal.stage(contact) == "lead"
    assert portal.mirrored(deal) is None
    assert portal.changes(portal.propose()) == []


def test_a_deal_that_left_its_stage_since_the_plan_is_decided_anew(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    deal = portal.deal(WON, contact)
    pull(portal.context())
    plan = portal.propose()
    portal.edit(deal, dealstage=OPEN)
    assert push(portal.context(), plan) == {Outcome.STALE: 1}
    assert portal.stage(contact) == "lead"
    (_, _, after, rule), *_ = portal.changes(portal.propose())
    assert (after, rule) == ("opportunity", "open-deal")


def test_a_deal_that_one_answer_leaves_out_is_not_taken_for_a_deleted_one(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    deal = portal.deal(WON, contact)
    pull(portal.context())
    plan = portal.propose()
    deal_reads = portal.api.requests["read"] + 2  # the contact's recheck comes first
    portal.api.before("read", deal_reads, lambda: portal.api.archive(deal))
    portal.api.after("read", deal_reads, lambda: portal.api.restore(deal))
    assert push(portal.context(), plan) == {Outcome.APPLIED: 1}
    assert portal.stage(contact) == "customer"


def test_an_association_answer_that_lacked_rows_moves_nobody_back(portal: ConnectedPortal) -> None:
    contact, _ = create_lost_customer(portal)
    won_deal = portal.deal(WON, contact)
    portal.api.advance(DAY)
    pull(portal.context())
    with portal.store.begin("1") as session:  # as if the pull's answer had lacked the won deal
        links = associations.read_to_deals(session, [contact])[contact]
        kept = [link for link in links if link.target != won_deal]
        associations.replace_all(session, {contact: kept}, ObjectType.DEALS)
    portal.make_due([contact])
    plan = portal.propose()
    assert (str(contact), "customer", "salesqualifiedlead", "lost") in portal.changes(plan)
    assert set(push(portal.context(), plan)) == {Outcome.STALE}
    assert portal.stage(contact) == "customer"
    assert portal.changes(portal.propose()) == []


def test_a_link_that_one_answer_lacks_is_asked_for_again_before_anything_goes_back(
    portal: ConnectedPortal,
) -> None:
    contact, deal = create_lost_customer(portal)
    portal.api.advance(DAY)
    pull(portal.context())
    plan = portal.propose()
    number = portal.api.requests["associations"] + 1
    portal.api.before("associations", number, lambda: portal.api.dissociate(contact, deal))
    portal.api.before("associations", number + 1, lambda: portal.link(deal, contact))
    outcomes = push(portal.context(), plan)
    assert outcomes[Outcome.APPLIED] >= 1
    assert portal.stage(contact) == "salesqualifiedlead"


def test_a_record_whose_deal_was_unlinked_is_not_moved_back_on_it(portal: ConnectedPortal) -> None:
    contact, deal = create_lost_customer(portal)
    portal.api.advance(DAY)
    pull(portal.context())
    plan = portal.propose()
    portal.api.dissociate(contact, deal)
    assert set(push(portal.context(), plan)) == {Outcome.STALE}
    assert portal.stage(contact) == "customer"
    assert portal.api.sent_updates == []


def test_evidence_costs_a_forward_batch_one_request_and_a_backward_one_two(
    portal: ConnectedPortal,
) -> None:
    for _ in range(30):
        portal.deal(WON, portal.contact("lead"))
    pull(portal.context())
    plan = portal.propose()
    portal.take_requests()
    push(portal.context(), plan)
    assert portal.take_requests() == {"read": 3, "update": 1}  # recheck, deals, read back
    create_lost_customer(portal)
    pull(portal.context())
    plan = portal.propose()
    portal.take_requests()
    push(portal.context(), plan)
    assert portal.take_requests() == {"read": 3, "associations": 1, "update": 2}


def test_the_steps_of_a_batch_share_one_reading_of_their_evidence(portal: ConnectedPortal) -> None:
    for _ in range(30):
        create_lost_customer(portal)
    portal.api.advance(DAY)
    pull(portal.context())
    plan = portal.propose()
    portal.take_requests()
    push(portal.context(max_read_age=timedelta(seconds=10)), plan)
    # The records' recheck, their deals and the read-backs of one, ten and nineteen moves.
    assert portal.take_requests() == {"read": 5, "associations": 1, "update": 6}


def test_a_changed_deal_stops_every_record_that_rests_on_it_in_later_steps_too(
    portal: ConnectedPortal,
) -> None:
    contacts = [portal.contact("customer") for _ in range(3)]
    deal = portal.deal(WON, *contacts)
    portal.api.advance(1)
    portal.edit(deal, dealstage=LOST)
    portal.api.advance(DAY)
    pull(portal.context())
    plan = portal.propose()
    portal.edit(deal, dealstage=WON)
    assert set(push(portal.context(), plan)) == {Outcome.STALE}
    assert [portal.stage(contact) for contact in contacts] == ["customer"] * 3
    assert portal.changes(portal.propose()) == []


def test_a_deal_unlinked_before_a_batch_stops_its_record_in_every_later_step(
    portal: ConnectedPortal,
) -> None:
    customers = [create_lost_customer(portal) for _ in range(3)]
    portal.api.advance(DAY)
    pull(portal.context())
    plan = portal.propose()
    last_contact, deal = customers[-1]
    portal.api.dissociate(last_contact, deal)
    # The first step takes longer than a reading is used: the evidence is read once more.
    portal.api.after("update", 1, lambda: portal.api.advance(30))
    push(portal.context(max_read_age=timedelta(seconds=10)), plan)
    assert [portal.stage(contact) for contact, _ in customers] == [
        "salesqualifiedlead",
        "salesqualifiedlead",
        "customer",
    ]


def test_a_check_of_evidence_ends_with_its_plan(portal: ConnectedPortal) -> None:
    contact, deal = create_lost_customer(portal)
    portal.api.advance(DAY)
    pull(portal.context())
    context = portal.context(max_read_age=timedelta(seconds=10))
    plan = portal.propose(context)
    portal.edit(deal, dealstage=OPEN)
    assert set(push(context, plan)) == {Outcome.STALE}
    push(context, portal.propose(context))
    assert portal.stage(contact) == "opportunity"


def test_nothing_is_read_again_for_what_rests_on_no_deal(portal: ConnectedPortal) -> None:
    contact = portal.contact()
    run(portal)
    assert portal.stage(contact) == "lead"
    assert not [call for call in portal.api.read_calls if call[2] == ("dealstage", "pipeline")]
