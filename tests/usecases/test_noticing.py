"""What noticing promises: an event leads to a look, and only what is seen counts."""

from __future__ import annotations

from connector.core.event import Event
from connector.core.model import Ref
from connector.noticing import notice
from connector.pull import pull
from connector.recover import recover
from connector.sync import correct
from state import inbox, mirror
from tests.usecases.office import OPEN, Office


def tell(office: Office, *refs: Ref, links: bool = False) -> None:
    """Let HubSpot tell that something happened to these."""
    with office.store.begin() as session:
        known = inbox.count(session, office.desk().portal_id).count
        events = [
            Event(
                key=f"{ref}-{known}-{office.door.moment}",
                record=ref,
                links=links,
                at=office.door.moment,
            )
            for ref in refs
        ]
        inbox.put(session, office.desk().portal_id, events, at=office.door.moment)


def mirrored(office: Office, ref: Ref) -> object:
    desk = office.desk()
    with office.store.reading() as session:
        return mirror.get(session, desk.portal_id, [ref]).get(ref)


def due(office: Office, ref: Ref) -> bool:
    desk = office.desk()
    with office.store.reading() as session:
        found = mirror.due(session, desk.portal_id, ref.object_type, until=office.door.moment)
    return ref in found


def settled(office: Office) -> None:
    """Read the portal, and correct it until nothing is due."""
    pull(office.desk())
    desk = office.desk()
    recover(desk)
    correct(desk)


def test_a_changed_record_is_mirrored_and_due(office: Office) -> None:
    anna = office.contact("lead")
    settled(office)
    office.door.advance(1)
    office.edit(anna, lifecyclestage="subscriber")
    tell(office, anna)
    assert notice(office.desk()) == 1
    assert due(office, anna)
    assert notice(office.desk()) == 0


def test_an_event_about_what_the_mirror_has_costs_one_reading_and_makes_nothing_due(
    office: Office,
) -> None:
    anna = office.contact("lead")
    settled(office)
    before = dict(office.door.requests)
    tell(office, anna)
    notice(office.desk())
    spent = {
        name: count - before.get(name, 0)
        for name, count in office.door.requests.items()
        if count != before.get(name, 0)
    }
    assert spent == {"read": 1}
    assert not due(office, anna)


def test_a_link_without_any_other_trace_is_read(office: Office) -> None:
    anna, deal = office.contact("lead"), office.deal(OPEN)
    settled(office)
    office.door.associate(deal, anna)
    tell(office, deal, anna, links=True)
    notice(office.desk())
    assert due(office, anna)


def test_an_archived_record_leaves_every_decision_and_a_restored_one_comes_back(
    office: Office,
) -> None:
    anna = office.contact("lead")
    settled(office)
    office.door.archive(anna)
    tell(office, anna)
    notice(office.desk())
    assert getattr(mirrored(office, anna), "archived", None) is True
    office.door.advance(1)
    office.door.restore(anna)
    tell(office, anna)
    notice(office.desk())
    assert getattr(mirrored(office, anna), "archived", None) is False


def test_a_merge_leaves_the_survivor(office: Office) -> None:
    anna, other = office.contact("lead"), office.contact("lead")
    settled(office)
    office.door.merge(anna, other)
    tell(office, other)
    notice(office.desk())
    assert mirrored(office, other) is None
    assert mirrored(office, anna) is not None


def test_a_privacy_deletion_is_forgotten(office: Office) -> None:
    anna = office.contact("lead")
    settled(office)
    office.door.delete(anna)
    tell(office, anna)
    notice(office.desk())
    assert mirrored(office, anna) is None


def test_a_record_that_nobody_knows_is_passed_over(office: Office) -> None:
    settled(office)
    tell(office, Ref.parse("contacts/999999"))
    assert notice(office.desk()) == 1
    assert mirrored(office, Ref.parse("contacts/999999")) is None
