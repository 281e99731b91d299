"""Merging two records into one, which may get a new id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.sandbox.record import Record, Source
from connector.sandbox.writes import STAGE

if TYPE_CHECKING:
    from connector.sandbox.inside import Inside
    from connector.sandbox.table import Table

_SOURCES: Final = {"contacts": "MERGE_CONTACTS", "companies": "MERGE_COMPANIES"}


def merge(portal: Inside, table: Table, primary: Record, other: Record) -> Record:
    """Merge `other` into `primary`; return the survivor."""
    now = portal.clock.ms()
    source_type = _SOURCES.get(table.kind.name, "MERGE_OBJECTS")
    source = Source(source_type, "", source_type)
    survivor = _survivor(portal, table, primary)
    survivor.merged = (*survivor.merged, *other.merged, *_merged_ids(survivor, primary, other, now))
    for name in sorted(other.values.keys() - primary.values.keys()):
        survivor.put(name, other.values[name], now, source)
    stage = _stage(portal, primary, other)
    if stage != survivor.values.get(STAGE, ""):
        survivor.put(STAGE, stage, now, source)
    survivor.modified = now
    for gone in (primary, other):
        if gone.id != survivor.id:
            _move_links(portal, gone, survivor)
            table.remove(gone.id)
            table.aliases[gone.id] = survivor.id
    portal.touch(survivor)
    return survivor


def _survivor(portal: Inside, table: Table, primary: Record) -> Record:
    if not portal.switches.merge_new_id:
        return primary
    survivor = primary.copy()
    survivor.id = table.next_id()
    table.add(survivor)
    return survivor


def _merged_ids(
    survivor: Record, primary: Record, other: Record, now: int
) -> tuple[tuple[int, int], ...]:
    gone = (one.id for one in (primary, other) if one.id != survivor.id)
    return tuple((record_id, now) for record_id in gone)


def _stage(portal: Inside, primary: Record, other: Record) -> str:
    """Return the stage that wins; a later clear wins under `cleared`."""
    mine, yours = (one.history(STAGE)[-1:] for one in (primary, other))
    rule = portal.switches.merge_stage
    if rule == "primary" or not yours:
        return primary.values.get(STAGE) or other.values.get(STAGE, "")
    later = max(mine + yours, key=lambda version: version.at)
    if later.value or rule == "cleared":
        return later.value
    return primary.values.get(STAGE) or other.values.get(STAGE, "")


def _move_links(portal: Inside, gone: Record, survivor: Record) -> None:
    kind = gone.kind.name
    for target, linked, link in list(portal.links.neighbours(kind, gone.id)):
        portal.links.remove((kind, gone.id), (target, linked))
        if linked not in portal.links.of(kind, survivor.id, target):
            taken = any(one.primary for one in portal.links.of(kind, survivor.id, target).values())
            kept = link._replace(primary=link.primary and not taken)
            portal.links.add((kind, survivor.id), (target, linked), kept)
