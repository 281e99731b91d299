"""The daily rescan finds within a day what no poll can see."""

from __future__ import annotations

import pytest

from connector.core.model import Association, ObjectType, Ref
from connector.hubspot.api import Page
from connector.hubspot.http.failures import BadAnswer
from connector.pull.poll import pull
from state import associations
from tests.fakes.connected_portal import OPEN, ConnectedPortal
from tests.fakes.rescan import rescan_all


def pull_for_a_day(portal: ConnectedPortal, *, interval: int = 3600) -> None:
    for _ in range(86_400 // interval + 1):
        portal.api.advance(interval)
        pull(portal.context())


def linked_deals(portal: ConnectedPortal, ref: Ref) -> list[Ref]:
    with portal.store.reading("1") as session:
        links: tuple[Association, ...] = associations.read_to_deals(session, [ref])[ref]
    return [link.target for link in links]


@pytest.mark.parametrize("every", [900, 3600, 86_400])
def test_a_link_that_moves_no_modification_date_is_known_within_a_day(
    portal: ConnectedPortal, every: int
) -> None:
    old, new = portal.contact("lead"), portal.contact("lead")
    deal = portal.deal(OPEN, old)
    portal.read_all()
    portal.api.dissociate(deal, old)
    portal.link(deal, new)

    pull_for_a_day(portal, interval=every)

    assert (linked_deals(portal, old), linked_deals(portal, new)) == ([], [deal])
    assert portal.due() == (old, new)


def test_a_round_in_which_nothing_changed_makes_nothing_due(portal: ConnectedPortal) -> None:
    portal.deal(OPEN, portal.contact("lead"))
    moved_contact = portal.contact("lead")
    deal = portal.deal(OPEN, moved_contact)
    portal.read_all()
    assert portal.due() == ()

    portal.edit(deal, dealstage="closedwon")
    rescan_all(portal.context())

    assert portal.due() == (moved_contact,)


def test_a_round_spreads_over_the_day_and_costs_a_request_a_page(portal: ConnectedPortal) -> None:
    for _ in range(1950):
        portal.contact("lead")
    portal.read_all()
    pages = []
    for _ in range(24):
        portal.api.advance(3600)
        pull(portal.context())
        pages.append(portal.take_requests()["page"])
    assert sum(pages) in {21, 22}  # a page for each type's end, and 19 full ones
    assert max(pages) <= 2


def test_the_links_of_a_thousand_deals_are_read_together(portal: ConnectedPortal) -> None:
    for _ in range(1000):
        portal.deal(OPEN)
    portal.read_all()
    rescan_all(portal.context())
    assert portal.take_requests() == {"page": 12, "associations": 2}


def test_a_record_that_the_mirror_lacks_is_found(portal: ConnectedPortal) -> None:
    portal.contact("lead")
    portal.read_all()
    late_contact = portal.contact("lead")
    portal.api.hidden_from_search.add(late_contact)
    pull_for_a_day(portal)
    assert portal.due() == (late_contact,)


def test_a_stopped_round_goes_on_where_it_was(portal: ConnectedPortal) -> None:
    for _ in range(2500):
        portal.contact("lead")
    portal.read_all()
    portal.api.advance(86_400)
    portal.api.before("page", 14, lambda: portal.api.fail("page", BadAnswer("try later")))
    with pytest.raises(BadAnswer):
        pull(portal.context())
    portal.take_requests()

    pull(portal.context())

    # Ten pages of contacts were stored; what was read beyond them is read again.
    assert portal.take_requests()["page"] == 15


def test_a_list_in_no_order_makes_no_record_disappear(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = [portal.contact("lead") for _ in range(5)]
    portal.read_all()
    original_page = type(portal.api).list_page

    def page_reversed(api: object, kind: ObjectType, *arguments: object, **options: object) -> Page:
        page = original_page(api, kind, *arguments, **options)  # type: ignore[arg-type]  # as it came
        return Page(records=page.records[::-1], after=page.after)

    monkeypatch.setattr(type(portal.api), "list_page", page_reversed)
    with pytest.raises(BadAnswer):
        rescan_all(portal.context())
    assert all(portal.mirrored(contact) for contact in contacts)
