"""A changed record makes those due that are linked with it."""

from __future__ import annotations

from collections.abc import Callable

from connector.plan.propose import propose
from connector.pull.poll import pull
from tests.fakes.connected_portal import (
    COMPANIES,
    LOST,
    OPEN,
    WON,
    ConnectedPortal,
)

WITH_CONTRACT = """\
extends: standard
rules:
  - name: contract-over
    for: contacts
    when: company.contract_end < today
    stage: other
    direction: forward
    reason: the contract of the company is over
"""


def test_a_changed_deal_makes_its_contacts_and_companies_due(portal: ConnectedPortal) -> None:
    contact, company = portal.contact("lead"), portal.company("lead")
    deal = portal.deal(OPEN, contact, company)
    portal.contact("lead")
    portal.read_all()
    portal.api.advance(3600)
    portal.edit(deal, amount="1000", dealstage=WON)

    pull(portal.context())

    assert set(portal.due()) >= {contact}
    assert portal.due(COMPANIES) == (company,)


def test_a_deal_moved_to_another_contact_makes_both_due(portal: ConnectedPortal) -> None:
    old, new = portal.contact("lead"), portal.contact("lead")
    deal = portal.deal(OPEN, old)
    portal.contact("lead")
    portal.read_all()
    portal.api.advance(3600)
    portal.api.dissociate(deal, old)
    portal.link(deal, new)
    portal.edit(deal, amount="1")

    pull(portal.context())

    assert portal.due() == (old, new)


def test_a_deal_that_lost_its_primary_company_makes_its_other_ones_due(
    portal: ConnectedPortal,
) -> None:
    buyer, partner, contact = portal.company("lead"), portal.company("lead"), portal.contact("lead")
    deal = portal.deal(OPEN, buyer, contact)
    portal.link(deal, partner)
    portal.read_all()
    portal.api.advance(3600)
    portal.api.dissociate(deal, buyer)
    portal.edit(buyer, domain="fjord.example")

    pull(portal.context())

    assert portal.due(COMPANIES) == (buyer, partner)
    assert portal.due() == (contact,)


def test_a_deal_linked_before_the_search_shows_it_is_read_with_its_contact(
    portal: ConnectedPortal,
) -> None:
    contact, colleague = portal.contact("lead"), portal.contact("lead")
    portal.read_all()
    portal.api.advance(3600)
    deal = portal.deal(WON, contact, colleague)
    portal.api.hidden_from_search.add(deal)
    portal.edit(contact, email="anna@fjord.example")

    pull(portal.context())

    assert portal.mirrored(deal)["dealstage"] == WON  # type: ignore[index]  # it is there
    assert portal.due() == (contact, colleague)


def test_an_archived_deal_behind_a_link_is_passed_over(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    deal = portal.deal(LOST, contact)
    portal.api.archive(deal)
    portal.api.hidden_from_search.add(deal)
    pull(portal.context())
    portal.api.advance(3600)
    portal.edit(contact, email="anna@fjord.example")

    pull(portal.context())

    assert portal.mirrored(deal) is None
    assert [change[0] for change in portal.changes(propose(portal.context()))] == []


def test_a_changed_company_makes_contacts_due_where_a_rule_looks_at_it(
    open_portal: Callable[..., ConnectedPortal],
) -> None:
    portal = open_portal()
    company = portal.company("lead")
    contact = portal.contact("lead", associatedcompanyid=company.id)
    other_contact = portal.contact("lead")
    for policy, wanted in (("extends: standard", ()), (WITH_CONTRACT, (contact,))):
        pull(portal.context(policy))
        portal.clear_due()
        portal.api.advance(3600)
        portal.edit(company, domain=f"x{len(wanted)}.example")
        pull(portal.context(policy))
        assert portal.due() == wanted
    assert other_contact not in portal.due()
