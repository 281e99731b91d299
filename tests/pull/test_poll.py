"""Polling leaves a complete mirror, and a process that dies loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from connector.core.model import STAGE, Ref
from connector.errors import UserError
from connector.hubspot.http.failures import Unavailable
from connector.plan.propose import propose
from connector.pull.poll import pull, require_mirror
from state import associations, checkpoints, mirror
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

UNAVAILABLE = Unavailable("HubSpot failed: try later")
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


def read_checkpoint(portal: ConnectedPortal, name: str) -> object:
    with portal.store.reading("1") as session:
        return checkpoints.get(session, name)


def linked_deal_ids(portal: ConnectedPortal, ref: object) -> list[str]:
    with portal.store.reading("1") as session:
        links_by_ref = associations.read_to_deals(session, [ref])  # type: ignore[list-item]  # a ref
    return [link.target.id for links in links_by_ref.values() for link in links]


def test_the_first_pull_reads_everything_and_makes_it_due(portal: ConnectedPortal) -> None:
    company = portal.company()
    contacts = [portal.contact("lead") for _ in range(205)]
    portal.deal(OPEN, contacts[3], company)

    result = pull(portal.context())

    # Whatever a deal is linked with is known from the deal's side.
    assert portal.take_requests()["associations"] == 2
    assert result.read == {DEALS: 1, COMPANIES: 1, CONTACTS: 205}
    assert result.scanned == {DEALS, COMPANIES, CONTACTS}
    assert portal.due() == tuple(contacts)
    assert portal.due(COMPANIES) == (company,)
    assert linked_deal_ids(portal, contacts[3]) == linked_deal_ids(portal, company) != []


def test_the_next_pull_reads_only_changes_and_only_they_become_due(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead") for _ in range(5)]
    portal.read_all()
    portal.api.advance(3600)
    portal.edit(contacts[2], email="anna@fjord.example")
    portal.take_requests()

    result = pull(portal.context())

    assert result.scanned == frozenset()
    assert result.read == {DEALS: 0, COMPANIES: 0, CONTACTS: 1}
    assert result.changed[CONTACTS] == 1
    assert portal.due() == (contacts[2],)
    assert portal.mirrored(contacts[2])["email"] == "anna@fjord.example"  # type: ignore[index]  # it is there
    assert portal.take_requests() == {"changed": 3, "associations": 1}


def test_an_idle_pull_costs_three_searches_and_reads_the_overlap_without_news(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    pull(portal.context())
    propose(portal.context())
    portal.take_requests()

    result = pull(portal.context())

    assert portal.take_requests() == {"changed": 3}
    assert (result.read[CONTACTS], result.changed[CONTACTS]) == (1, 0)
    assert portal.due() == ()
    assert portal.mirrored(contact) is not None


def test_a_change_just_before_the_checkpoint_is_found_by_the_overlap(
    portal: ConnectedPortal,
) -> None:
    pull(portal.context())
    late_contact = portal.contact("lead")
    portal.api.hidden_from_search.add(late_contact)
    portal.api.advance(60)
    pull(portal.context())
    portal.api.hidden_from_search.clear()
    portal.api.advance(60)

    result = pull(portal.context())

    assert result.changed[CONTACTS] == 1
    assert portal.due() == (late_contact,)


@pytest.mark.parametrize("method", ["changed", "associations"])
def test_the_checkpoint_stays_where_it_was_when_something_fails_half_way(
    portal: ConnectedPortal, method: str
) -> None:
    pull(portal.context())
    before = read_checkpoint(portal, f"changes.{CONTACTS}")
    portal.api.advance(3600)
    portal.contact("lead")
    portal.take_requests()
    number = {"changed": 3, "associations": 1}[method]
    portal.api.before(method, number, lambda: portal.api.fail(method, UNAVAILABLE))

    with pytest.raises(Unavailable):
        pull(portal.context())

    assert read_checkpoint(portal, f"changes.{CONTACTS}") == before
    assert pull(portal.context()).changed[CONTACTS] == 1


def test_more_news_than_one_batch_is_stored_in_several_and_the_checkpoint_moves_last(
    portal: ConnectedPortal,
) -> None:
    pull(portal.context())
    before = read_checkpoint(portal, f"changes.{CONTACTS}")
    portal.api.advance(3600)
    for _ in range(1300):
        portal.contact("lead")
        portal.api.advance(0.001)
    portal.take_requests()
    portal.api.before("associations", 2, lambda: portal.api.fail("associations", UNAVAILABLE))

    with pytest.raises(Unavailable):
        pull(portal.context())

    assert read_checkpoint(portal, f"changes.{CONTACTS}") == before
    stored_count = len(portal.due())
    assert 0 < stored_count <= 1000
    result = pull(portal.context())
    assert result.read[CONTACTS] == 1300
    assert result.changed[CONTACTS] == 1300 - stored_count
    with portal.store.reading("1") as session:
        assert mirror.count(session)[CONTACTS] == 1300


def test_a_stopped_listing_goes_on_where_it_was(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead") for _ in range(2300)]
    portal.take_requests()
    # The companies take one page, the deals as well.
    portal.api.before("page", 2 + 15, lambda: portal.api.fail("page", UNAVAILABLE))
    with pytest.raises(Unavailable):
        pull(portal.context())
    read_count = len(portal.due())
    assert 0 < read_count < len(contacts)
    portal.take_requests()

    result = pull(portal.context())

    assert result.read[CONTACTS] == len(contacts)
    assert result.scanned == {CONTACTS}
    pages = portal.take_requests()["page"]
    assert pages == (len(contacts) - read_count) // 100
    assert portal.due() == tuple(contacts)


def test_links_that_a_stopped_listing_had_not_read_yet_are_read_by_the_next(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    deals = [portal.deal(OPEN, contact) for _ in range(1050)]
    portal.take_requests()
    portal.api.before("associations", 1, lambda: portal.api.fail("associations", UNAVAILABLE))
    with pytest.raises(Unavailable):
        pull(portal.context())
    portal.take_requests()

    pull(portal.context())

    # The contact, no company, and at most the page of deals that was under way.
    assert portal.take_requests()["page"] <= 3
    assert linked_deal_ids(portal, contact) == [deal.id for deal in deals]


def test_who_vanished_before_a_listing_was_stopped_is_asked_for_by_the_next(
    portal: ConnectedPortal,
) -> None:
    contacts = [portal.contact("lead") for _ in range(250)]
    pull(portal.context())
    portal.api.archive(contacts[0])
    portal.take_requests()
    # Of the contacts' three pages the second fails, after one for deals and companies each.
    portal.api.before("page", 4, lambda: portal.api.fail("page", UNAVAILABLE))
    with pytest.raises(Unavailable):
        pull(portal.context(), full=True)

    pull(portal.context(), full=True)

    assert contacts[0] not in portal.due()


def test_what_changed_during_a_stopped_listing_is_read_afterwards(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead") for _ in range(1200)]
    portal.take_requests()
    portal.api.before("page", 2 + 11, lambda: portal.api.fail("page", UNAVAILABLE))
    with pytest.raises(Unavailable):
        pull(portal.context())
    portal.api.advance(86_400)
    portal.edit(contacts[0], email="anna@fjord.example")
    pull(portal.context())

    result = pull(portal.context())

    assert result.scanned == frozenset()
    assert result.changed[CONTACTS] == 1
    assert portal.mirrored(contacts[0])["email"] == "anna@fjord.example"  # type: ignore[index]  # it is there


SCORED_POLICY = "extends: standard\nsettings: {score: {property: score}}"


def values_of(portal: ConnectedPortal, ref: Ref) -> Mapping[str, str | None]:
    """Return what the mirror holds of a record."""
    return portal.mirrored(ref) or {}


def test_a_property_newly_needed_is_read_alone_and_the_rest_stays(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead", score=str(number)) for number in range(250)]
    portal.deal(OPEN, contacts[0])
    pull(portal.context())
    before = values_of(portal, contacts[7])
    assert "score" not in before
    portal.take_requests()
    portal.api.page_requests.clear()

    result = pull(portal.context(SCORED_POLICY))

    assert (result.scanned, result.filled) == (frozenset(), {CONTACTS: ("score",)})
    # A page for each hundred contacts, of one property; nothing else is listed, nor any link read.
    assert portal.api.page_requests == [(CONTACTS, ("score",))] * 3
    requests = portal.take_requests()
    assert (requests["page"], requests["associations"]) == (3, 0)
    assert values_of(portal, contacts[7]) == {**before, "score": "7"}
    # Neither way back, nor a further poll, lists anything.
    portal.api.page_requests.clear()
    assert pull(portal.context(SCORED_POLICY)).filled == {}
    assert pull(portal.context()).filled == {}
    assert portal.api.page_requests == []


def test_what_changed_before_a_property_was_filled_in_is_read_whole_by_the_same_pull(
    portal: ConnectedPortal,
) -> None:
    changed, archived = portal.contact("lead", score="1"), portal.contact("lead", score="2")
    pull(portal.context())
    portal.api.advance(3600)
    portal.edit(changed, email="anna@fjord.example", score="40")
    new = portal.contact("lead", score="3")
    deal = portal.deal(OPEN, changed)
    portal.api.archive(archived)

    pull(portal.context(SCORED_POLICY))

    values = values_of(portal, changed)
    assert (values["email"], values["score"]) == ("anna@fjord.example", "40")
    assert linked_deal_ids(portal, changed) == [deal.id]
    assert values_of(portal, new)["score"] == "3"
    with portal.store.reading("1") as session:
        assert mirror.get(session, [archived])[archived].archived


def test_a_stopped_fill_goes_on_where_it_was_unless_another_policy_polled_meanwhile(
    portal: ConnectedPortal,
) -> None:
    contacts = [portal.contact("lead", score=str(number)) for number in range(250)]
    pull(portal.context())

    def stop_in_the_middle() -> None:
        portal.api.advance(60)
        portal.take_requests()
        portal.api.before("page", 3, lambda: portal.api.fail("page", UNAVAILABLE))
        with pytest.raises(Unavailable):
            pull(portal.context(SCORED_POLICY))
        portal.api.page_requests.clear()

    stop_in_the_middle()
    # The other policy reads a record that was filled already, without what was filled.
    portal.edit(contacts[0], email="anna@fjord.example")
    pull(portal.context())
    assert portal.api.page_requests == []
    pull(portal.context(SCORED_POLICY))
    assert len(portal.api.page_requests) == 3
    assert [values_of(portal, ref).get("score") for ref in contacts] == [*map(str, range(250))]


def test_a_fill_that_was_stopped_repeats_no_page(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead", score=str(number)) for number in range(250)]
    pull(portal.context())
    portal.api.advance(60)
    portal.take_requests()
    portal.api.before("page", 3, lambda: portal.api.fail("page", UNAVAILABLE))
    with pytest.raises(Unavailable):
        pull(portal.context(SCORED_POLICY))
    portal.api.page_requests.clear()
    pull(portal.context(SCORED_POLICY))
    assert len(portal.api.page_requests) == 1
    assert [values_of(portal, ref).get("score") for ref in contacts] == [*map(str, range(250))]


def test_a_listing_begun_for_other_properties_begins_again(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead", score="40") for _ in range(1200)]
    portal.take_requests()
    portal.api.before("page", 2 + 11, lambda: portal.api.fail("page", UNAVAILABLE))
    with pytest.raises(Unavailable):
        pull(portal.context())

    scored_policy = "extends: standard\nsettings: {score: {property: score}}"
    pull(portal.context(scored_policy))

    assert all("score" in (portal.mirrored(contact) or {}) for contact in contacts)


def test_nothing_is_decided_on_a_mirror_that_lacks_a_type(portal: ConnectedPortal) -> None:
    with pytest.raises(UserError, match="connector pull"):
        require_mirror(portal.context())
    pull(portal.context())
    require_mirror(portal.context())


def test_a_full_pull_reads_everything_again(portal: ConnectedPortal) -> None:
    portal.contact("lead")
    pull(portal.context())
    assert pull(portal.context(), full=True).scanned == {DEALS, COMPANIES, CONTACTS}


def test_archived_records_are_out_of_every_decision_after_a_listing(
    portal: ConnectedPortal,
) -> None:
    contact, archived = portal.contact("lead"), portal.contact("lead")
    pull(portal.context())
    portal.api.archive(archived)

    pull(portal.context(), full=True)

    assert portal.mirrored(archived) is None
    assert portal.due() == (contact,)


def test_more_archived_records_than_a_page_are_all_taken_out(portal: ConnectedPortal) -> None:
    archived = [portal.contact("lead") for _ in range(130)]
    pull(portal.context())
    for archived_contact in archived:
        portal.api.archive(archived_contact)
    pull(portal.context(), full=True)
    assert portal.due() == ()


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


def test_progress_is_told_with_its_total_where_it_is_known(portal: ConnectedPortal) -> None:
    portal.contact("lead")
    progress_calls: list[tuple[str, int, int | None]] = []
    pull(
        portal.context(
            progress=lambda activity, done, total: progress_calls.append((activity, done, total))
        )
    )
    assert ("pull contacts", 1, 1) in progress_calls


def test_the_overlap_is_read_again_from_the_portals_own_time(portal: ConnectedPortal) -> None:
    portal.api.advance(10_000_000)  # our clock may be anywhere
    pull(portal.context())
    saved_checkpoint = read_checkpoint(portal, f"changes.{CONTACTS}")
    assert isinstance(saved_checkpoint, dict)
    assert saved_checkpoint["until"] > START.isoformat()
    assert STAGE in saved_checkpoint["properties"]
