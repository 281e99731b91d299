"""Linking records, and what follows: modification dates, roll-ups, events, automations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connector.sandbox.portal.associations import Link
from connector.sandbox.portal.calculated import primary_company_id
from connector.sandbox.portal.object_types import COMPANIES, CONTACTS, DEALS
from connector.sandbox.portal.record import Record, Source, Version
from connector.sandbox.portal.state import PortalState

_LINK_SOURCE: Final = Source("CALCULATED", "CalculatedPropertyComputer", "CALCULATED")


def link(
    portal: PortalState, record: Record, other_record: Record, new_link: Link, at: int
) -> None:
    """Link two records at a time in milliseconds; linking them again alike changes nothing."""
    if not portal.links.add(
        (record.object_type.name, record.id),
        (other_record.object_type.name, other_record.id),
        new_link,
    ):
        return
    _bump_modified(portal, (record, other_record), at)
    for source, target in ((record, other_record), (other_record, record)):
        _remember_link(portal, source, target, new_link, at)
        if source.object_type is DEALS:
            for reaction in portal.reactions:
                reaction.on_deal_linked(source, target.object_type.name, target.id)
    _send_association_events(portal, record, other_record, removed=False)


def unlink(portal: PortalState, record: Record, other_record: Record) -> None:
    """Remove the link between two records, where there is one."""
    if portal.links.remove(
        (record.object_type.name, record.id), (other_record.object_type.name, other_record.id)
    ):
        _bump_modified(portal, (record, other_record), portal.clock.ms())
        _send_association_events(portal, record, other_record, removed=True)


def set_primary_company(portal: PortalState, record: Record, company_id: str) -> None:
    """Make a company the primary one of a contact; "" removes the primary link."""
    old_id = primary_company_id(portal, record)
    if company_id == old_id:
        return
    company = portal.tables[COMPANIES.name].find(company_id or old_id)
    if company is not None and company_id:
        link(portal, record, company, Link(primary=True), portal.clock.ms())
    elif company is not None:
        unlink(portal, record, company)


def bump_linked_modified(portal: PortalState, record: Record) -> None:
    """Move the modification date of all records linked to one that was archived or restored.

    HubSpot recalculates their roll-up properties; whether that moves their modification date is
    the switch `archiving_bumps_linked`.
    """
    if not portal.switches.archiving_bumps_linked:
        return
    neighbours = portal.links.linked_records(record.object_type.name, record.id)
    _bump_modified(
        portal,
        [portal.tables[type_name].records[linked_id] for type_name, linked_id, _ in neighbours],
        portal.clock.ms(),
    )


def _remember_link(
    portal: PortalState, record: Record, target: Record, new_link: Link, at: int
) -> None:
    """Add a version to the history of the property that a link changes."""
    if record.object_type is CONTACTS and target.object_type is COMPANIES and new_link.primary:
        name, value = "associatedcompanyid", str(target.id)
    elif record.object_type is DEALS and target.object_type is CONTACTS:
        name = "num_associated_contacts"
        value = str(len(portal.links.of("deals", record.id, "contacts")))
    else:
        return
    versions = portal.link_versions.setdefault((record.object_type.name, record.id, name), [])
    versions.append(Version(at, value, _LINK_SOURCE))


def _bump_modified(portal: PortalState, records: Iterable[Record], at: int) -> None:
    if not portal.switches.association_bumps_modified:
        return
    for record in records:
        record.modified = max(record.modified, at)
        portal.touch(record)


def _send_association_events(
    portal: PortalState, record: Record, other_record: Record, *, removed: bool
) -> None:
    for source, target in ((record, other_record), (other_record, record)):
        association_type = f"{source.object_type.singular}_TO_{target.object_type.singular}".upper()
        portal.send_event(
            source,
            "associationChange",
            associationType=association_type,
            fromObjectId=source.id,
            toObjectId=target.id,
            associationRemoved=removed,
        )
