"""An event makes its record read again, and only what is read counts."""

from __future__ import annotations

from connector.core.model import Ref
from connector.core.webhook_event import Event
from connector.operations.sync import apply_due
from connector.pull.named_records import read_named_records
from connector.pull.poll import pull
from connector.push.recover_open_moves import recover
from state import due_times, mirror, webhook_inbox
from tests.fakes.connected_portal import OPEN, ConnectedPortal


def put_events(portal: ConnectedPortal, *refs: Ref, links: bool = False) -> None:
    """Let HubSpot tell that something happened to these."""
    with portal.store.begin(portal.context().portal_id) as session:
        event_count = webhook_inbox.count_waiting(session).count
        events = [
            Event(
                key=f"{ref}-{event_count}-{portal.api.current_time}",
                record=ref,
                read_associations=links,
                at=portal.api.current_time,
            )
            for ref in refs
        ]
        webhook_inbox.put(session, events, at=portal.api.current_time)


def mirrored_record(portal: ConnectedPortal, ref: Ref) -> object:
    context = portal.context()
    with portal.store.reading(context.portal_id) as session:
        return mirror.get(session, [ref]).get(ref)


def is_due(portal: ConnectedPortal, ref: Ref) -> bool:
    context = portal.context()
    with portal.store.reading(context.portal_id) as session:
        due_refs = due_times.due_refs(session, ref.object_type, until=portal.api.current_time)
    return ref in due_refs


def pull_and_correct(portal: ConnectedPortal) -> None:
    """Read the portal, and correct it until nothing is due."""
    pull(portal.context())
    context = portal.context()
    recover(context)
    apply_due(context)


def test_a_changed_record_is_mirrored_and_due(portal: ConnectedPortal) -> None:
    anna = portal.contact("lead")
    pull_and_correct(portal)
    portal.api.advance(1)
    portal.edit(anna, lifecyclestage="subscriber")
    put_events(portal, anna)
    assert read_named_records(portal.context()) == 1
    assert is_due(portal, anna)
    assert read_named_records(portal.context()) == 0


def test_an_event_about_what_the_mirror_has_costs_one_reading_and_makes_nothing_due(
    portal: ConnectedPortal,
) -> None:
    anna = portal.contact("lead")
    pull_and_correct(portal)
    requests_before = dict(portal.api.requests)
    put_events(portal, anna)
    read_named_records(portal.context())
    requests = {
        name: count - requests_before.get(name, 0)
        for name, count in portal.api.requests.items()
        if count != requests_before.get(name, 0)
    }
    assert requests == {"read": 1}
    assert not is_due(portal, anna)


def test_a_link_without_any_other_trace_is_read(portal: ConnectedPortal) -> None:
    anna, deal = portal.contact("lead"), portal.deal(OPEN)
    pull_and_correct(portal)
    portal.api.associate(deal, anna)
    put_events(portal, deal, anna, links=True)
    read_named_records(portal.context())
    assert is_due(portal, anna)


def test_an_archived_record_leaves_every_decision_and_a_restored_one_comes_back(
    portal: ConnectedPortal,
) -> None:
    anna = portal.contact("lead")
    pull_and_correct(portal)
    portal.api.archive(anna)
    put_events(portal, anna)
    read_named_records(portal.context())
    assert getattr(mirrored_record(portal, anna), "archived", None) is True
    portal.api.advance(1)
    portal.api.restore(anna)
    put_events(portal, anna)
    read_named_records(portal.context())
    assert getattr(mirrored_record(portal, anna), "archived", None) is False


def test_a_merge_leaves_the_survivor(portal: ConnectedPortal) -> None:
    anna, merged = portal.contact("lead"), portal.contact("lead")
    pull_and_correct(portal)
    portal.api.merge(anna, merged)
    put_events(portal, merged)
    read_named_records(portal.context())
    assert mirrored_record(portal, merged) is None
    assert mirrored_record(portal, anna) is not None


def test_a_privacy_deletion_is_forgotten(portal: ConnectedPortal) -> None:
    anna = portal.contact("lead")
    pull_and_correct(portal)
    portal.api.delete(anna)
    put_events(portal, anna)
    read_named_records(portal.context())
    assert mirrored_record(portal, anna) is None


def test_a_record_that_neither_side_knows_is_passed_over(portal: ConnectedPortal) -> None:
    pull_and_correct(portal)
    put_events(portal, Ref.parse("contacts/999999"))
    assert read_named_records(portal.context()) == 1
    assert mirrored_record(portal, Ref.parse("contacts/999999")) is None
