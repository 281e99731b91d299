"""Gathering: the facts are complete, and history is read only where it matters, once."""

from __future__ import annotations

from connector.context import RunContext
from connector.core.deals import DealState
from connector.core.decide.facts import Facts
from connector.core.model import Ref
from connector.plan.gather import gather
from connector.pull.poll import pull
from tests.fakes.connected_portal import DAY, LOST, OPEN, WON, ConnectedPortal


def deal_ids(facts: Facts) -> list[str]:
    return [deal.ref.id for deal in facts.deals]


def gather_record(context: RunContext, ref: Ref) -> Facts:
    return gather(context, [ref])[0]


def history_reads(portal: ConnectedPortal) -> list[tuple[Ref, ...]]:
    return [refs for method, refs, _ in portal.api.read_calls if method == "history"]


def test_a_contact_has_every_deal_it_is_linked_with(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    open_deal, won_deal = portal.deal(OPEN, contact), portal.deal(WON, contact)
    portal.deal(WON, portal.contact("lead"))
    portal.read_all()
    assert deal_ids(gather_record(portal.context(), contact)) == [open_deal.id, won_deal.id]


def test_a_company_has_the_deals_whose_primary_company_it_is(portal: ConnectedPortal) -> None:
    buyer, partner = portal.company("lead"), portal.company("lead")
    deal = portal.deal(WON, buyer)
    portal.link(deal, partner)
    portal.read_all()
    assert deal_ids(gather_record(portal.context(), buyer)) == [deal.id]
    assert deal_ids(gather_record(portal.context(), partner)) == []


def test_a_deal_without_a_primary_company_counts_for_each_of_its_companies(
    portal: ConnectedPortal,
) -> None:
    first, second = portal.company("lead"), portal.company("lead")
    deal = portal.deal(WON, first, second, portal.contact(), primary=False)
    portal.read_all()
    assert deal_ids(gather_record(portal.context(), first)) == [deal.id]
    assert deal_ids(gather_record(portal.context(), second)) == [deal.id]


def test_only_deals_with_a_label_that_counts_are_gathered(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    maker_deal, consultant_deal, unlabelled_deal = (portal.deal(WON) for _ in range(3))
    portal.link(maker_deal, contact, "Decision maker", "Billing")
    portal.link(consultant_deal, contact, "Consultant")
    portal.link(unlabelled_deal, contact)
    portal.read_all()
    context = portal.context("extends: standard\nsettings: {deals: {labels: [Decision maker]}}")
    assert deal_ids(gather_record(context, contact)) == [maker_deal.id]
    assert deal_ids(gather_record(portal.context(), contact)) == [
        maker_deal.id,
        consultant_deal.id,
        unlabelled_deal.id,
    ]


def test_archived_records_and_deals_are_left_out(portal: ConnectedPortal) -> None:
    contact, archived = portal.contact("lead"), portal.contact("lead")
    deal = portal.deal(WON, contact)
    portal.read_all()
    portal.api.archive(archived)
    portal.api.archive(deal)
    portal.api.advance(1)
    pull(portal.context(), full=True)
    all_facts = gather(portal.context(), [contact, archived])
    assert [facts.record for facts in all_facts] == [contact]
    assert all_facts[0].deals == ()


def test_a_contact_sees_its_primary_company(portal: ConnectedPortal) -> None:
    company = portal.company("lead", contract_end="2026-01-31")
    contact = portal.contact("lead", associatedcompanyid=company.id)
    unlinked_contact = portal.contact("lead", associatedcompanyid="none")
    policy = """\
extends: standard
rules:
  - name: contract-over
    for: contacts
    when: company.contract_end < today
    stage: other
    direction: forward
    reason: the contract of the company is over
"""
    context = portal.context(policy)
    pull(context)
    assert gather_record(context, contact).values["company.contract_end"] is not None
    assert gather_record(context, unlinked_contact).values["company.contract_end"] is None


def test_the_history_of_a_deal_is_read_where_it_matters(portal: ConnectedPortal) -> None:
    customer = portal.contact("customer")
    deal = portal.deal(WON, customer)
    portal.api.advance(DAY)
    portal.edit(deal, dealstage=OPEN)
    portal.read_all()
    deal_facts = gather_record(portal.context(), customer).deals[0]
    assert (deal_facts.state, deal_facts.was_won, deal_facts.date_is_known) == (
        DealState.OPEN,
        True,
        True,
    )
    assert history_reads(portal) == [(deal,)]


def test_no_history_is_read_where_it_does_not_matter(portal: ConnectedPortal) -> None:
    customer, lead, blank_contact = (
        portal.contact("customer"),
        portal.contact("lead"),
        portal.contact(),
    )
    portal.deal(WON, customer)
    portal.deal(OPEN, lead)
    portal.read_all()
    gather(portal.context(), [customer, lead, blank_contact])
    assert history_reads(portal) == []


def test_a_history_is_read_once_and_again_only_after_the_deal_changed(
    portal: ConnectedPortal,
) -> None:
    customer = portal.contact("customer")
    deal = portal.deal(OPEN, customer)
    portal.read_all()
    for _ in range(2):
        assert not gather_record(portal.context(), customer).deals[0].was_won
    assert len(history_reads(portal)) == 1

    for stage in (WON, OPEN):
        portal.api.advance(DAY)
        portal.edit(deal, dealstage=stage)
    portal.read_all()
    assert gather_record(portal.context(), customer).deals[0].was_won
    assert len(history_reads(portal)) == 2


def test_what_the_mirror_saw_of_a_deal_counts_without_any_history(portal: ConnectedPortal) -> None:
    company = portal.company("opportunity")
    deal = portal.deal(WON, company)
    portal.read_all()
    portal.api.advance(DAY)
    portal.edit(deal, dealstage=LOST)
    portal.read_all()
    deal_facts = gather_record(portal.context(), company).deals[0]
    assert (deal_facts.state, deal_facts.was_won) == (DealState.LOST, True)


def test_the_facts_hold_the_portals_own_time(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.read_all()
    assert gather_record(portal.context(), contact).now == portal.api.now()
