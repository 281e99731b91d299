"""Gathering: the facts are complete, and history is read only where it matters, once."""

from __future__ import annotations

from connector.core.deals import DealState
from connector.core.facts import Facts
from connector.core.model import Ref
from connector.desk import Desk
from connector.gather import gather
from connector.pull import pull
from tests.usecases.office import DAY, LOST, OPEN, WON, Office


def deals(facts: Facts) -> list[str]:
    return [one.ref.id for one in facts.deals]


def gathered(desk: Desk, ref: Ref) -> Facts:
    return gather(desk, [ref])[0]


def histories(office: Office) -> list[tuple[Ref, ...]]:
    return [refs for what, refs, _ in office.door.asked if what == "history"]


def test_a_contact_has_every_deal_it_is_linked_with(office: Office) -> None:
    person = office.contact("lead")
    open_, won = office.deal(OPEN, person), office.deal(WON, person)
    office.deal(WON, office.contact("lead"))
    office.read_all()
    assert deals(gathered(office.desk(), person)) == [open_.id, won.id]


def test_a_company_has_the_deals_whose_primary_company_it_is(office: Office) -> None:
    buyer, partner = office.company("lead"), office.company("lead")
    deal = office.deal(WON, buyer)
    office.link(deal, partner)
    office.read_all()
    assert deals(gathered(office.desk(), buyer)) == [deal.id]
    assert deals(gathered(office.desk(), partner)) == []


def test_a_deal_without_a_primary_company_counts_for_each_of_its_companies(
    office: Office,
) -> None:
    one, other = office.company("lead"), office.company("lead")
    deal = office.deal(WON, one, other, office.contact(), primary=False)
    office.read_all()
    assert deals(gathered(office.desk(), one)) == [deal.id]
    assert deals(gathered(office.desk(), other)) == [deal.id]


def test_only_deals_with_a_label_that_counts_are_gathered(office: Office) -> None:
    person = office.contact("lead")
    buyer, other, plain = (office.deal(WON) for _ in range(3))
    office.link(buyer, person, "Decision maker", "Billing")
    office.link(other, person, "Consultant")
    office.link(plain, person)
    office.read_all()
    some = office.desk("extends: standard\nsettings: {deals: {labels: [Decision maker]}}")
    assert deals(gathered(some, person)) == [buyer.id]
    assert deals(gathered(office.desk(), person)) == [buyer.id, other.id, plain.id]


def test_archived_records_and_deals_are_left_out(office: Office) -> None:
    person, gone = office.contact("lead"), office.contact("lead")
    deal = office.deal(WON, person)
    office.read_all()
    office.door.archive(gone)
    office.door.archive(deal)
    office.door.advance(1)
    pull(office.desk(), full=True)
    found = gather(office.desk(), [person, gone])
    assert [one.record for one in found] == [person]
    assert found[0].deals == ()


def test_a_contact_sees_its_primary_company(office: Office) -> None:
    company = office.company("lead", contract_end="2026-01-31")
    person = office.contact("lead", associatedcompanyid=company.id)
    alone = office.contact("lead", associatedcompanyid="none")
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
    desk = office.desk(policy)
    pull(desk)
    assert gathered(desk, person).values["company.contract_end"] is not None
    assert gathered(desk, alone).values["company.contract_end"] is None


def test_the_history_of_a_deal_is_read_where_it_matters(office: Office) -> None:
    customer = office.contact("customer")
    deal = office.deal(WON, customer)
    office.door.advance(DAY)
    office.edit(deal, dealstage=OPEN)
    office.read_all()
    found = gathered(office.desk(), customer).deals[0]
    assert (found.state, found.was_won, found.dated) == (DealState.OPEN, True, True)
    assert histories(office) == [(deal,)]


def test_no_history_is_read_where_it_does_not_matter(office: Office) -> None:
    customer, lead, nobody = office.contact("customer"), office.contact("lead"), office.contact()
    office.deal(WON, customer)
    office.deal(OPEN, lead)
    office.read_all()
    gather(office.desk(), [customer, lead, nobody])
    assert histories(office) == []


def test_a_history_is_read_once_and_again_only_after_the_deal_changed(office: Office) -> None:
    customer = office.contact("customer")
    deal = office.deal(OPEN, customer)
    office.read_all()
    for _ in range(2):
        assert not gathered(office.desk(), customer).deals[0].was_won
    assert len(histories(office)) == 1

    for stage in (WON, OPEN):
        office.door.advance(DAY)
        office.edit(deal, dealstage=stage)
    office.read_all()
    assert gathered(office.desk(), customer).deals[0].was_won
    assert len(histories(office)) == 2


def test_what_the_mirror_saw_of_a_deal_counts_without_any_history(office: Office) -> None:
    company = office.company("opportunity")
    deal = office.deal(WON, company)
    office.read_all()
    office.door.advance(DAY)
    office.edit(deal, dealstage=LOST)
    office.read_all()
    found = gathered(office.desk(), company).deals[0]
    assert (found.state, found.was_won) == (DealState.LOST, True)


def test_the_facts_hold_the_portals_own_time(office: Office) -> None:
    person = office.contact("lead")
    office.read_all()
    assert gathered(office.desk(), person).now == office.door.now()
