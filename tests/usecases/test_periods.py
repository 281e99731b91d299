"""Stage periods: kept by us, with who set them, even when HubSpot forgets."""

from __future__ import annotations

from connector.core.model import STAGE
from connector.periods import stage_periods
from connector.pull import pull
from connector.sync import sync
from state import ledger
from tests.usecases.office import OPEN, Office


def stages(office: Office, ref: object) -> list[tuple[str, str]]:
    found = stage_periods(office.desk(), [ref])  # type: ignore[list-item]  # a ref
    return [(one.stage, one.source_type) for one in found[ref]]  # type: ignore[index]  # a ref


def test_periods_come_from_the_history_and_are_read_once(office: Office) -> None:
    person = office.contact("lead")
    office.door.advance(3600)
    office.edit(person, lifecyclestage="customer")
    office.read_all()
    assert stages(office, person) == [("lead", "IMPORT"), ("customer", "AUTOMATION_PLATFORM")]
    assert stages(office, person) == [("lead", "IMPORT"), ("customer", "AUTOMATION_PLATFORM")]
    assert office.requests() == {"read": 1}


def test_periods_outlive_what_hubspot_keeps(office: Office) -> None:
    person = office.contact("lead")
    office.read_all()
    stage_periods(office.desk(), [person])
    office.door.advance(3600)
    office.edit(person, lifecyclestage="customer")
    office.door._records[person].history.clear()  # type: ignore[attr-defined]  # a dict here
    pull(office.desk())
    assert stages(office, person) == [("lead", "IMPORT"), ("customer", "MIRROR")]


def test_a_stage_that_we_set_is_known_as_ours(office: Office) -> None:
    person = office.contact("lead")
    office.deal(OPEN, person)
    office.read_all()
    office.door.advance(3600)
    office.edit(person, jobtitle="chef")
    sync(office.desk())
    with office.store.reading() as session:
        found = ledger.versions(session, "1", [person], STAGE)[person]
    assert (found[0].value, found[0].source_type) == ("opportunity", ledger.OURS)
    assert office.stage(person) == "opportunity"


def test_nobody_is_asked_for_nobody(office: Office) -> None:
    assert stage_periods(office.desk(), []) == {}
