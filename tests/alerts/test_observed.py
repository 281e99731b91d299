"""What others change in HubSpot reaches owners and programs once; what we change is not theirs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from itertools import count

import orjson
import pytest

from connector.alerts.handover import Handover
from connector.alerts.observed import NewsSource, OwnedNews, take_news
from connector.pull.poll import pull
from connector.push.push import push
from state import outgoing_events
from state.db.locks import Busy
from state.db.store import Store
from state.db.transaction import Transaction
from tests.fakes.connected_portal import OPEN, SQL, WON, ConnectedPortal

MINUTE, DAY = 60.0, 86_400.0


def news_source(portal: ConnectedPortal) -> NewsSource:
    context = portal.context()
    return NewsSource(store=portal.store, portal=context.portal, policy=context.policy)


def take(portal: ConnectedPortal, *, with_events: bool = True) -> list[OwnedNews]:
    return take_news(news_source(portal), portal.api.now(), with_events=with_events)


def poll(portal: ConnectedPortal) -> list[OwnedNews]:
    portal.api.advance(MINUTE)
    pull(portal.context())
    return take(portal)


def kinds(news: Sequence[OwnedNews]) -> list[tuple[str, str, str]]:
    return [(entry.news.kind.value, str(entry.news.record), entry.owner) for entry in news]


def queued_events(portal: ConnectedPortal) -> list[dict[str, object]]:
    with portal.store.reading("1") as session:
        waiting = outgoing_events.read_due(session, now=portal.api.now(), limit=100)
    documents = [orjson.loads(entry.event.document) for entry in waiting]
    return [{"type": document["type"], **document["data"]} for document in documents]


def posted_events(portal: ConnectedPortal) -> list[dict[str, object]]:
    """Return what a receiver gets that takes every event, in the order of its posts."""
    events: list[dict[str, object]] = []
    with portal.store.begin("1") as session:
        while due := outgoing_events.read_due(session, now=portal.api.now(), limit=1):
            events.append({"property_name": "", **orjson.loads(due[0].event.document)["data"]})
            outgoing_events.remove(session, due[0])
    return events


def test_a_contact_that_a_workflow_made_ready_is_told_once_and_posted(
    portal: ConnectedPortal,
) -> None:
    anna = portal.contact("lead", hubspot_owner_id="7")
    portal.read_all()
    assert take(portal) == []
    portal.edit_as_workflow(anna, lifecyclestage=SQL)
    assert kinds(poll(portal)) == [("ready-for-sales", str(anna), "7")]
    assert queued_events(portal) == [
        {
            "type": "lifecyclestage.changed",
            "portal_id": "1",
            "record": str(anna),
            "by": "others",
            "property_name": "lifecyclestage",
            "before": "lead",
            "after": SQL,
        }
    ]
    assert poll(portal) == []


def test_a_won_deal_and_a_customers_new_deal_are_told_and_the_first_reading_is_not(
    portal: ConnectedPortal,
) -> None:
    customer = portal.contact("customer", hubspot_owner_id="7")
    deal = portal.deal(OPEN, customer)
    portal.read_all()
    assert take(portal) == []  # the deal is new, but so is the mirror
    portal.api.advance(MINUTE)
    new_deal = portal.deal(OPEN, customer)
    portal.edit(deal, dealstage=WON)
    assert kinds(poll(portal)) == [
        ("deal.won", str(deal), "7"),
        ("customer.new_deal", str(customer), "7"),
    ]
    events = {str(event["type"]): event for event in queued_events(portal)}
    assert events["customer.new_deal"]["deal"] == str(new_deal)
    assert events["deal.won"]["after"] == WON


def test_a_new_deal_that_is_linked_a_moment_later_is_told_then(portal: ConnectedPortal) -> None:
    customer = portal.contact("customer")
    portal.read_all()
    take(portal)
    portal.api.advance(MINUTE)
    deal = portal.deal(OPEN)
    assert poll(portal) == []
    portal.link(deal, customer)
    portal.edit(deal, dealname="Renewal")
    assert kinds(poll(portal)) == [("customer.new_deal", str(customer), "")]
    assert poll(portal) == []


def test_what_we_wrote_is_no_change_of_others(portal: ConnectedPortal) -> None:
    anna = portal.contact("lead")
    portal.deal(OPEN, anna)
    portal.read_all()
    take(portal)
    portal.make_due([anna])
    context = portal.context()
    push(context, portal.propose(context))
    assert portal.stage(anna) == "opportunity"
    assert poll(portal) == []
    assert {event["by"] for event in posted_events(portal)} == {"connector"}


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_failure_while_news_are_taken_loses_no_new_deal(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    customer = portal.contact("customer")
    portal.read_all()
    take(portal)
    portal.api.advance(MINUTE)
    deal = portal.deal(OPEN)
    portal.api.advance(MINUTE)
    pull(portal.context())
    begin, begun = Store.begin, count(1)

    def begin_or_fail(store: Store, portal_id: str) -> AbstractContextManager[Transaction]:
        if next(begun) == failing:
            raise Busy("the database is locked")
        return begin(store, portal_id)

    source = news_source(portal)
    with monkeypatch.context() as locking, suppress(Busy):
        locking.setattr(Store, "begin", begin_or_fail)
        take_news(source, portal.api.now(), with_events=True)
    portal.link(deal, customer)
    portal.edit(deal, dealname="Renewal")
    assert kinds(poll(portal)) == [("customer.new_deal", str(customer), "")]


@pytest.mark.parametrize("page", [1, 500])
def test_events_of_a_record_are_queued_in_the_order_of_what_happened(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("connector.alerts.observed._PAGE", page)
    monkeypatch.setattr("connector.alerts.event_queue._PAGE", page)
    anna = portal.contact("lead")
    deal = portal.deal(OPEN, anna)
    portal.read_all()
    take(portal)
    # Applied, changed by somebody, applied and changed again, before anything is queued.
    portal.make_due([anna])
    context = portal.context()
    push(context, portal.propose(context))
    portal.api.advance(MINUTE)
    portal.edit_as_workflow(anna, lifecyclestage=SQL)
    portal.api.advance(MINUTE)
    pull(portal.context())
    portal.api.advance(MINUTE)
    portal.edit(deal, dealstage=WON)
    context = portal.context()
    pull(context)
    push(context, portal.propose(context))
    portal.api.advance(MINUTE)
    portal.edit_as_workflow(anna, lifecyclestage="evangelist")
    portal.api.advance(MINUTE)
    pull(portal.context())
    take(portal)
    stages = [
        event["after"]
        for event in posted_events(portal)
        if (event["record"], event["property_name"]) == (str(anna), "lifecyclestage")
    ]
    assert stages == ["opportunity", SQL, "customer", "evangelist"]


def test_without_a_receiver_nothing_is_queued(portal: ConnectedPortal) -> None:
    anna = portal.contact("lead")
    portal.read_all()
    take(portal)
    portal.edit_as_workflow(anna, lifecyclestage=SQL)
    portal.api.advance(MINUTE)
    pull(portal.context())
    assert len(take(portal, with_events=False)) == 1
    assert queued_events(portal) == []


@pytest.mark.parametrize(("contact_count", "messages"), [(2, 2), (12, 1)])
def test_notices_go_to_the_owner_and_to_addresses_that_name_their_kind(
    portal: ConnectedPortal, contact_count: int, messages: int
) -> None:
    contacts = [portal.contact("lead", hubspot_owner_id="7") for _ in range(contact_count)]
    portal.read_all()
    take(portal)
    for contact in contacts:
        portal.edit_as_workflow(contact, lifecyclestage=SQL)
    sent: dict[str, list[str]] = {"7": [], "*": [], "named": []}
    handover = Handover(
        {owner: lambda title, _, owner=owner: sent[owner].append(title) for owner in ("7", "*")},
        lambda title, _, kind: sent["named"].append(f"{kind}: {title}"),
    )
    handover.notify_news("1", poll(portal))
    assert len(sent["7"]) == messages
    assert sent["*"] == []
    assert sent["named"] == [f"ready-for-sales: {title}" for title in sent["7"]]
    if messages == 1:
        assert sent["7"] == ["12 contacts are ready for sales"]


def test_each_kind_of_notice_says_what_happened(portal: ConnectedPortal) -> None:
    customer = portal.contact("customer")
    deal = portal.deal(OPEN, customer)
    portal.read_all()
    take(portal)
    portal.api.advance(MINUTE)
    new_deal = portal.deal(OPEN, customer)
    portal.edit(deal, dealstage=WON)
    titles: list[str] = []
    Handover({"*": lambda title, _: titles.append(title)}).notify_news("1", poll(portal))
    assert titles == [
        f"{deal} was won",
        f"{customer}, a customer, has a new deal: {new_deal}",
    ]
