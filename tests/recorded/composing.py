"""Compose a portal in a box from recorded records, definitions, stages and pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal
from connector.sandbox.properties import Definition, options
from connector.sandbox.record import parse_time
from tests.recorded.recordings import KINDS, Folder, Recorded

ACCOUNT: Final = "nango/fetch-account-information-0.json"
STAGES: Final = "amp-labs/metadata-contacts-external-pipelines.json"
PIPELINES: Final = "nango/fetch-pipelines-0.json"
DEFINITIONS: Final = (  # the later file wins: it is the younger one
    ("contacts", "vcr-ruby_hubspot_api/contacts-properties-0.json"),
    ("contacts", "amp-labs/metadata-contacts-properties-sampled.json"),
    ("deals", "amp-labs/metadata-deals-properties-sampled.json"),
)
LINKS: Final = "nango/create-association-0.json"

# After every recorded moment, and so that no change of ours in `situations` is younger than
# thirty days: people's work is held that long, and it is not what is looked at here.
NOW: Final = datetime(2026, 7, 15, 12, tzinfo=UTC)

_ENTERED: Final = "hs_v2_date_entered_current_stage"
_MARKS: Final = {"calculated": "calc", "externalOptions": "ext", "hidden": "hidden"}


def compose(folder: Folder) -> Portal:
    """Return a portal with all that is recorded, and nothing else."""
    account = folder.answers[ACCOUNT].body
    portal = Portal(
        portal_id=account["portalId"],
        time_zone=account["timeZone"],
        clock=Clock(NOW),
        currency=account["companyCurrency"],
    )
    records = folder.records().values()
    _define(portal, folder, records)
    for record in records:
        _create(portal, record)
    for one in folder.answers[LINKS].sent["inputs"]:
        portal.associate("contacts", one["from"]["id"], "companies", one["to"]["id"])
    for record in records:
        _stamp(portal, record)
    return portal


def _define(portal: Portal, folder: Folder, records: Any) -> None:
    for kind, name in DEFINITIONS:
        for row in folder.results(name):
            portal.schema.define(portal.kind(kind), _definition(row))
    for kind in KINDS:
        told = {name for one in records if one.kind == kind for name in one.properties}
        for name in sorted(told - portal.schema.definitions(portal.kind(kind)).keys()):
            portal.define_property(kind, name)  # no recording defines it: plain text
    (lifecycle,) = folder.results(STAGES)
    portal.set_stages([(one["id"], one["label"]) for one in lifecycle["stages"]])
    for line in folder.results(PIPELINES):
        portal.add_pipeline(line["id"], line["label"], list(_stages(line)))


def _definition(row: Mapping[str, Any]) -> Definition:
    marks = {mark for name, mark in _MARKS.items() if row.get(name)}
    marks |= {"hubspot"} if row.get("hubspotDefined") else set()
    marks |= {"ro"} if row["modificationMetadata"]["readOnlyValue"] else set()
    return Definition(
        name=row["name"],
        label=row["label"],
        type=row["type"],
        field_type=row["fieldType"],
        group=row["groupName"],
        description=row.get("description", ""),
        options=options(row["options"]),
        marks=frozenset(marks),
        order=row.get("displayOrder", -1),
    )


def _stages(line: Mapping[str, Any]) -> Iterator[tuple[str, str, bool, float]]:
    for one in sorted(line["stages"], key=lambda stage: int(stage["displayOrder"])):
        told = one["metadata"]
        yield one["id"], one["label"], told["isClosed"] == "true", float(told["probability"])


def _create(portal: Portal, record: Recorded) -> None:
    """Create a record at its recorded time; a stage that was entered later is set later."""
    told, stage = record.properties, portal.kind(record.kind).stage
    entered = told.get(_ENTERED, "")
    later = {stage: told[stage]} if entered > told["createdate"] else {}
    source, source_id = told.get("hs_object_source", "IMPORT"), told.get("hs_object_source_id", "")
    portal.create(
        record.kind,
        {name: value for name, value in told.items() if name not in later},
        id=int(record.id),
        source=source,
        source_id=source_id,
    )
    if later:
        at = datetime.fromisoformat(entered)
        portal.edit(record.kind, record.id, later, at=at, source=source, source_id=source_id)


def _stamp(portal: Portal, record: Recorded) -> None:
    """Give a record its recorded time of last change, and delete what was recorded as deleted."""
    kept = portal.record(record.kind, record.id)
    kept.modified = parse_time(record.modified)
    portal.touch(kept)
    if record.deleted:
        portal.archive(record.kind, record.id)
