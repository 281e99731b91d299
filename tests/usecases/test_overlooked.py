"""The report of overlooked contacts: from the mirror and the ledger, and nobody is asked."""

from __future__ import annotations

from connector.core.policy import load
from connector.offline import ClosedDoor, Ground, offline_desk
from connector.presets import preset
from connector.pull import pull
from connector.reporting.overlooked import COLUMNS, overlooked
from connector.reporting.report import Report
from connector.sync import sync
from tests.usecases.office import CONTACTS, DAY, MQL, SQL, Office

STANDARD = "extends: standard\n"


def report(office: Office, more: str = "") -> Report:
    text = STANDARD + more
    pull(office.desk(text))
    office.requests()
    ground = Ground(store=office.store, portal=office.door.what, door=ClosedDoor(office.door.now()))
    found = overlooked(offline_desk(ground, load(text, source="test.yaml", preset=preset)))
    assert office.requests().total() == 0
    return found


def rows(found: Report) -> list[dict[str, object]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in found.rows]


def test_who_waits_longest_comes_first_with_the_reason(office: Office) -> None:
    office.contact(SQL, "CONNECTED", hubspot_owner_id="76000001")
    late = office.contact(SQL, "CONNECTED")
    office.door.advance(2 * DAY)
    later = office.contact(SQL, "NEW", hubspot_owner_id="76000001")
    office.contact(MQL)
    office.door.advance(7 * DAY)
    office.contact(SQL, "NEW")
    found = report(office)
    assert rows(found) == [
        {
            "record": str(late),
            "stage": SQL,
            "since": "2026-03-12",
            "since_known": False,
            "lead_status": "CONNECTED",
            "owner_id": None,
            "why": "nobody owns it",
        },
        {
            "record": str(later),
            "stage": SQL,
            "since": "2026-03-14",
            "since_known": False,
            "lead_status": "NEW",
            "owner_id": "76000001",
            "why": "nobody has worked on the lead status",
        },
    ]
    assert "Of 2 nobody knows" in found.notes[0]


def test_who_was_corrected_into_the_stage_waits_since_then(office: Office) -> None:
    person = office.contact("lead", recent_conversion_event_name="Book a demo: form")
    office.door.advance(30 * DAY)
    sync(office.desk())
    assert office.stage(person) == SQL
    assert rows(report(office)) == []
    office.door.put(person, {"email": "anna@fjord.example"})
    office.door.advance(6 * DAY)
    (row,) = rows(report(office))
    assert (row["record"], row["since"], row["since_known"]) == (str(person), "2026-04-11", True)


def test_nobody_outside_of_the_scope_is_told(office: Office) -> None:
    office.contact(SQL, email="a@fjord.example")
    inside = office.contact(SQL, email="b@elv.example")
    office.door.advance(7 * DAY)
    found = report(office, "settings: {scope: contact.email_domain == 'elv.example'}")
    assert [row["record"] for row in rows(found)] == [str(inside)]


def test_archived_contacts_wait_for_nobody(office: Office) -> None:
    person = office.contact(SQL)
    office.door.advance(7 * DAY)
    assert len(rows(report(office))) == 1
    office.door.archive(person)
    pull(office.desk(), full=True)
    assert office.mirrored(person) is None
    assert rows(report(office)) == []
    assert office.due(CONTACTS) == ()
