"""Merging two records into one, which may get a new id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.sandbox.portal.record import Record, Source
from connector.sandbox.portal.writes import STAGE

if TYPE_CHECKING:
    from connector.sandbox.portal.state import PortalState
    from connector.sandbox.portal.table import Table

_SOURCE_TYPES: Final = {"contacts": "MERGE_CONTACTS", "companies": "MERGE_COMPANIES"}


def merge(portal: PortalState, table: Table, primary: Record, secondary: Record) -> Record:
    """Merge `secondary` into `primary`; return the survivor.

    Whether it gets a new id is the switch `merge_new_id`, which stage it has `merge_stage`.
    """
    now = portal.clock.ms()
    source_type = _SOURCE_TYPES.get(table.object_type.name, "MERGE_OBJECTS")
    source = Source(source_type, "", source_type)
    survivor = _make_survivor(portal, table, primary)
    survivor.merged = (
        *survivor.merged,
        *secondary.merged,
        *_merged_ids(survivor, primary, secondary, now),
    )
    for name in sorted(secondary.values.keys() - primary.values.keys()):
        survivor.put(name, secondary.values[name], now, source)
    stage = _surviving_stage(portal, primary, secondary)
    if stage != survivor.values.get(STAGE, ""):
        survivor.put(STAGE, stage, now, source)
    survivor.modified = now
    for merged_record in (primary, secondary):
        if merged_record.id != survivor.id:
            _move_links_to_survivor(portal, merged_record, survivor)
            table.remove(merged_record.id)
            table.aliases[merged_record.id] = survivor.id
    portal.touch(survivor)
    return survivor


def _make_survivor(portal: PortalState, table: Table, primary: Record) -> Record:
    if not portal.switches.merge_new_id:
        return primary
    survivor = primary.copy()
    survivor.id = table.next_id()
    table.add(survivor)
    return survivor


def _merged_ids(
    survivor: Record, primary: Record, secondary: Record, now: int
) -> tuple[tuple[int, int], ...]:
    merged_ids = (record.id for record in (primary, secondary) if record.id != survivor.id)
    return tuple((record_id, now) for record_id in merged_ids)


def _surviving_stage(portal: PortalState, primary: Record, secondary: Record) -> str:
    """Return the stage that wins; a later clear wins under `cleared`."""
    primary_latest, secondary_latest = (
        record.history(STAGE)[-1:] for record in (primary, secondary)
    )
    rule = portal.switches.merge_stage
    if rule == "primary" or not secondary_latest:
        return primary.values.get(STAGE) or secondary.values.get(STAGE, "")
    latest = max(primary_latest + secondary_latest, key=lambda version: version.at)
    if latest.value or rule == "cleared":
        return latest.value
    return primary.values.get(STAGE) or secondary.values.get(STAGE, "")


def _move_links_to_survivor(portal: PortalState, merged_record: Record, survivor: Record) -> None:
    object_type = merged_record.object_type.name
    for target, linked_id, link in list(portal.links.linked_records(object_type, merged_record.id)):
        portal.links.remove((object_type, merged_record.id), (target, linked_id))
        if linked_id not in portal.links.of(object_type, survivor.id, target):
            has_primary = any(
                survivor_link.primary
                for survivor_link in portal.links.of(object_type, survivor.id, target).values()
            )
            moved_link = link._replace(primary=link.primary and not has_primary)
            portal.links.add((object_type, survivor.id), (target, linked_id), moved_link)
