"""Stage periods are kept with who set them, even when HubSpot drops them."""

from __future__ import annotations

from connector.core.model import STAGE
from connector.operations.sync import sync
from connector.pull.load_stage_periods import stage_periods
from connector.pull.poll import pull
from state import ledger
from tests.fakes.connected_portal import OPEN, ConnectedPortal


def stages_and_sources(portal: ConnectedPortal, ref: object) -> list[tuple[str, str]]:
    periods = stage_periods(portal.context(), [ref])  # type: ignore[list-item]  # a ref
    return [(period.stage, period.source_type) for period in periods[ref]]  # type: ignore[index]  # a ref


def test_periods_come_from_the_history_and_are_read_once(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.api.advance(3600)
    portal.edit(contact, lifecyclestage="customer")
    portal.read_all()
    assert stages_and_sources(portal, contact) == [
        ("lead", "IMPORT"),
        ("customer", "AUTOMATION_PLATFORM"),
    ]
    assert stages_and_sources(portal, contact) == [
        ("lead", "IMPORT"),
        ("customer", "AUTOMATION_PLATFORM"),
    ]
    assert portal.take_requests() == {"read": 1}


def test_periods_outlive_what_hubspot_keeps(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.read_all()
    stage_periods(portal.context(), [contact])
    portal.api.advance(3600)
    portal.edit(contact, lifecyclestage="customer")
    portal.api._records[contact].history.clear()  # type: ignore[attr-defined]  # a dict here
    pull(portal.context())
    assert stages_and_sources(portal, contact) == [("lead", "IMPORT"), ("customer", "MIRROR")]


def test_a_stage_that_we_set_is_known_as_ours(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(OPEN, contact)
    portal.read_all()
    portal.api.advance(3600)
    portal.edit(contact, jobtitle="chef")
    sync(portal.context())
    with portal.store.reading("1") as session:
        versions = ledger.read_versions(session, [contact], STAGE)[contact]
    assert (versions[0].value, versions[0].source_type) == ("opportunity", ledger.CONNECTOR)
    assert portal.stage(contact) == "opportunity"


def test_without_records_nothing_is_asked(portal: ConnectedPortal) -> None:
    assert stage_periods(portal.context(), []) == {}
