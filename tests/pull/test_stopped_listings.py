"""A listing that is stopped goes on where it was, and loses nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connector.core.model import Ref
from connector.hubspot.http.failures import Unavailable
from connector.pull.full_scan import fill_properties
from connector.pull.poll import pull
from state import mirror
from tests.fakes.connected_portal import (
    CONTACTS,
    OPEN,
    START,
    ConnectedPortal,
)
from tests.pull.polled_portal import UNAVAILABLE, linked_deal_ids


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


def test_a_record_that_is_filled_keeps_the_version_that_the_mirror_has(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead", score="1")
    pull(portal.context())
    portal.api.advance(3600)
    portal.edit(contact, score="40")
    fill_properties(portal.context(SCORED_POLICY), CONTACTS, ("score",))
    with portal.store.reading("1") as session:
        filled = mirror.get(session, [contact])[contact]
    # What changed since is still news for the next poll, with its associations.
    assert (filled.modified_at, filled.properties["score"]) == (START, "40")


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
