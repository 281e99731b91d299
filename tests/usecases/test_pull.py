"""Pulling: the mirror ends complete, and a process that dies has lost nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.core.model import STAGE
from connector.errors import UserError
from connector.hubspot.faults import Unavailable
from connector.propose import propose
from connector.pull import pull, require_mirror
from state import associations, checkpoints, mirror
from tests.usecases.office import (
    COMPANIES,
    CONTACTS,
    DEALS,
    LOST,
    OPEN,
    START,
    WON,
    Office,
)

AWAY = Unavailable("HubSpot failed: try later")
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


def checkpoint(office: Office, name: str) -> object:
    with office.store.reading() as session:
        return checkpoints.get(session, "1", name)


def linked_deals(office: Office, ref: object) -> list[str]:
    with office.store.reading() as session:
        found = associations.deals_of(session, "1", [ref])  # type: ignore[list-item]  # a ref
    return [one.target.id for each in found.values() for one in each]


def test_the_first_pull_reads_everything_and_makes_it_due(office: Office) -> None:
    company = office.company()
    people = [office.contact("lead") for _ in range(205)]
    office.deal(OPEN, people[3], company)

    done = pull(office.desk())

    # Whatever a deal is linked with is known from the deal's side.
    assert office.requests()["associations"] == 2
    assert done.read == {DEALS: 1, COMPANIES: 1, CONTACTS: 205}
    assert done.whole == {DEALS, COMPANIES, CONTACTS}
    assert office.due() == tuple(people)
    assert office.due(COMPANIES) == (company,)
    assert linked_deals(office, people[3]) == linked_deals(office, company) != []


def test_the_next_pull_reads_only_changes_and_only_they_become_due(office: Office) -> None:
    people = [office.contact("lead") for _ in range(5)]
    office.read_all()
    office.door.advance(3600)
    office.edit(people[2], email="anna@fjord.example")
    office.requests()

    done = pull(office.desk())

    assert done.whole == frozenset()
    assert done.read == {DEALS: 0, COMPANIES: 0, CONTACTS: 1}
    assert done.changed[CONTACTS] == 1
    assert office.due() == (people[2],)
    assert office.mirrored(people[2])["email"] == "anna@fjord.example"  # type: ignore[index]  # it is there
    assert office.requests() == {"changed": 3, "associations": 1}


def test_an_idle_pull_costs_three_searches_and_reads_the_overlap_without_news(
    office: Office,
) -> None:
    person = office.contact("lead")
    pull(office.desk())
    propose(office.desk())
    office.requests()

    done = pull(office.desk())

    assert office.requests() == {"changed": 3}
    assert (done.read[CONTACTS], done.changed[CONTACTS]) == (1, 0)
    assert office.due() == ()
    assert office.mirrored(person) is not None


def test_a_change_just_before_the_checkpoint_is_found_by_the_overlap(office: Office) -> None:
    pull(office.desk())
    late = office.contact("lead")
    office.door.hidden.add(late)
    office.door.advance(60)
    pull(office.desk())
    office.door.hidden.clear()
    office.door.advance(60)

    done = pull(office.desk())

    assert done.changed[CONTACTS] == 1
    assert office.due() == (late,)


@pytest.mark.parametrize("method", ["changed", "associations"])
def test_the_checkpoint_stays_where_it_was_when_something_fails_half_way(
    office: Office, method: str
) -> None:
    pull(office.desk())
    before = checkpoint(office, f"changes.{CONTACTS}")
    office.door.advance(3600)
    office.contact("lead")
    office.requests()
    number = {"changed": 3, "associations": 1}[method]
    office.door.before(method, number, lambda: office.door.fail(method, AWAY))

    with pytest.raises(Unavailable):
        pull(office.desk())

    assert checkpoint(office, f"changes.{CONTACTS}") == before
    assert pull(office.desk()).changed[CONTACTS] == 1


def test_more_news_than_one_batch_is_stored_in_several_and_the_mark_moves_last(
    office: Office,
) -> None:
    pull(office.desk())
    before = checkpoint(office, f"changes.{CONTACTS}")
    office.door.advance(3600)
    for _ in range(1300):
        office.contact("lead")
        office.door.advance(0.001)
    office.requests()
    office.door.before("associations", 2, lambda: office.door.fail("associations", AWAY))

    with pytest.raises(Unavailable):
        pull(office.desk())

    assert checkpoint(office, f"changes.{CONTACTS}") == before
    stored = len(office.due())
    assert 0 < stored <= 1000
    done = pull(office.desk())
    assert done.read[CONTACTS] == 1300
    assert done.changed[CONTACTS] == 1300 - stored
    with office.store.reading() as session:
        assert mirror.count(session, "1")[CONTACTS] == 1300


def test_a_stopped_listing_goes_on_where_it_was(office: Office) -> None:
    people = [office.contact("lead") for _ in range(2300)]
    office.requests()
    # The companies take one page, the deals as well.
    office.door.before("page", 2 + 15, lambda: office.door.fail("page", AWAY))
    with pytest.raises(Unavailable):
        pull(office.desk())
    read = len(office.due())
    assert 0 < read < len(people)
    office.requests()

    done = pull(office.desk())

    assert done.read[CONTACTS] == len(people)
    assert done.whole == {CONTACTS}
    pages = office.requests()["page"]
    assert pages == (len(people) - read) // 100
    assert office.due() == tuple(people)


def test_links_that_a_stopped_listing_had_not_read_yet_are_read_by_the_next(
    office: Office,
) -> None:
    person = office.contact("lead")
    deals = [office.deal(OPEN, person) for _ in range(1050)]
    office.requests()
    office.door.before("associations", 1, lambda: office.door.fail("associations", AWAY))
    with pytest.raises(Unavailable):
        pull(office.desk())
    office.requests()

    pull(office.desk())

    # The contact, no company, and at most the page of deals that was under way.
    assert office.requests()["page"] <= 3
    assert linked_deals(office, person) == [one.id for one in deals]


def test_who_vanished_before_a_listing_was_stopped_is_asked_for_by_the_next(
    office: Office,
) -> None:
    people = [office.contact("lead") for _ in range(250)]
    pull(office.desk())
    office.door.archive(people[0])
    office.requests()
    # Of the contacts' three pages the second fails, after one for deals and companies each.
    office.door.before("page", 4, lambda: office.door.fail("page", AWAY))
    with pytest.raises(Unavailable):
        pull(office.desk(), full=True)

    pull(office.desk(), full=True)

    assert people[0] not in office.due()


def test_what_changed_during_a_stopped_listing_is_read_afterwards(office: Office) -> None:
    people = [office.contact("lead") for _ in range(1200)]
    office.requests()
    office.door.before("page", 2 + 11, lambda: office.door.fail("page", AWAY))
    with pytest.raises(Unavailable):
        pull(office.desk())
    office.door.advance(86_400)
    office.edit(people[0], email="anna@fjord.example")
    pull(office.desk())

    done = pull(office.desk())

    assert done.whole == frozenset()
    assert done.changed[CONTACTS] == 1
    assert office.mirrored(people[0])["email"] == "anna@fjord.example"  # type: ignore[index]  # it is there


def test_a_property_newly_needed_makes_a_whole_read_of_just_its_type(office: Office) -> None:
    person = office.contact("lead", score="40")
    pull(office.desk())
    assert "score" not in (office.mirrored(person) or {})

    scored = "extends: standard\nsettings: {score: {property: score}}"
    done = pull(office.desk(scored))

    assert done.whole == {CONTACTS}
    assert office.mirrored(person)["score"] == "40"  # type: ignore[index]  # it is there
    assert pull(office.desk()).whole == frozenset()


def test_a_listing_begun_for_other_properties_begins_again(office: Office) -> None:
    people = [office.contact("lead", score="40") for _ in range(1200)]
    office.requests()
    office.door.before("page", 2 + 11, lambda: office.door.fail("page", AWAY))
    with pytest.raises(Unavailable):
        pull(office.desk())

    scored = "extends: standard\nsettings: {score: {property: score}}"
    pull(office.desk(scored))

    assert all("score" in (office.mirrored(one) or {}) for one in people)


def test_nothing_is_decided_on_a_mirror_that_lacks_a_type(office: Office) -> None:
    with pytest.raises(UserError, match="connector pull"):
        require_mirror(office.desk())
    pull(office.desk())
    require_mirror(office.desk())


def test_a_full_pull_reads_everything_again(office: Office) -> None:
    office.contact("lead")
    pull(office.desk())
    assert pull(office.desk(), full=True).whole == {DEALS, COMPANIES, CONTACTS}


def test_archived_records_are_out_of_every_decision_after_a_listing(office: Office) -> None:
    person, gone = office.contact("lead"), office.contact("lead")
    pull(office.desk())
    office.door.archive(gone)

    pull(office.desk(), full=True)

    assert office.mirrored(gone) is None
    assert office.due() == (person,)


def test_more_archived_records_than_a_page_are_all_taken_out(office: Office) -> None:
    gone = [office.contact("lead") for _ in range(130)]
    pull(office.desk())
    for one in gone:
        office.door.archive(one)
    pull(office.desk(), full=True)
    assert office.due() == ()


def test_a_changed_deal_makes_its_contacts_and_companies_due(office: Office) -> None:
    person, company = office.contact("lead"), office.company("lead")
    deal = office.deal(OPEN, person, company)
    office.contact("lead")
    office.read_all()
    office.door.advance(3600)
    office.edit(deal, amount="1000", dealstage=WON)

    pull(office.desk())

    assert set(office.due()) >= {person}
    assert office.due(COMPANIES) == (company,)


def test_a_deal_moved_to_another_contact_makes_both_due(office: Office) -> None:
    old, new = office.contact("lead"), office.contact("lead")
    deal = office.deal(OPEN, old)
    office.contact("lead")
    office.read_all()
    office.door.advance(3600)
    office.door.dissociate(deal, old)
    office.link(deal, new)
    office.edit(deal, amount="1")

    pull(office.desk())

    assert office.due() == (old, new)


def test_a_deal_that_lost_its_primary_company_makes_its_other_ones_due(office: Office) -> None:
    buyer, partner, person = office.company("lead"), office.company("lead"), office.contact("lead")
    deal = office.deal(OPEN, buyer, person)
    office.link(deal, partner)
    office.read_all()
    office.door.advance(3600)
    office.door.dissociate(deal, buyer)
    office.edit(buyer, domain="fjord.example")

    pull(office.desk())

    assert office.due(COMPANIES) == (buyer, partner)
    assert office.due() == (person,)


def test_a_deal_linked_before_the_search_shows_it_is_read_with_its_contact(
    office: Office,
) -> None:
    person, colleague = office.contact("lead"), office.contact("lead")
    office.read_all()
    office.door.advance(3600)
    deal = office.deal(WON, person, colleague)
    office.door.hidden.add(deal)
    office.edit(person, email="anna@fjord.example")

    pull(office.desk())

    assert office.mirrored(deal)["dealstage"] == WON  # type: ignore[index]  # it is there
    assert office.due() == (person, colleague)


def test_an_archived_deal_behind_a_link_is_passed_over(office: Office) -> None:
    person = office.contact("lead")
    deal = office.deal(LOST, person)
    office.door.archive(deal)
    office.door.hidden.add(deal)
    pull(office.desk())
    office.door.advance(3600)
    office.edit(person, email="anna@fjord.example")

    pull(office.desk())

    assert office.mirrored(deal) is None
    assert [each[0] for each in office.changes(propose(office.desk()))] == []


def test_a_changed_company_makes_contacts_due_where_a_rule_looks_at_it(
    open_office: Callable[..., Office],
) -> None:
    office = open_office()
    company = office.company("lead")
    person = office.contact("lead", associatedcompanyid=company.id)
    other = office.contact("lead")
    for policy, wanted in (("extends: standard", ()), (WITH_CONTRACT, (person,))):
        pull(office.desk(policy))
        office.forget_due()
        office.door.advance(3600)
        office.edit(company, domain=f"x{len(wanted)}.example")
        pull(office.desk(policy))
        assert office.due() == wanted
    assert other not in office.due()


def test_progress_is_told_with_its_total_where_it_is_known(office: Office) -> None:
    office.contact("lead")
    told: list[tuple[str, int, int | None]] = []
    pull(office.desk(tell=lambda what, done, total: told.append((what, done, total))))
    assert ("pull contacts", 1, 1) in told


def test_the_overlap_is_read_again_from_the_portals_own_time(office: Office) -> None:
    office.door.advance(10_000_000)  # our clock may be anywhere
    pull(office.desk())
    mark = checkpoint(office, f"changes.{CONTACTS}")
    assert isinstance(mark, dict)
    assert mark["until"] > START.isoformat()
    assert STAGE in mark["properties"]
