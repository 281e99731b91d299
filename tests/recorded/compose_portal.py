"""Compose a simulated portal from recorded records, definitions, stages and pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.properties import Definition, parse_options
from connector.sandbox.portal.record import parse_time
from tests.recorded.recordings import OBJECT_TYPES, RecordedRecord, Recordings

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

_STAGE_ENTERED_AT: Final = "hs_v2_date_entered_current_stage"
_DEFINITION_MARKS: Final = {"calculated": "calc", "externalOptions": "ext", "hidden": "hidden"}


def create_portal(recordings: Recordings) -> Portal:
    """Return a portal with all that is recorded, and nothing else."""
    account = recordings.answers[ACCOUNT].body
    portal = Portal(
        portal_id=account["portalId"],
        time_zone=account["timeZone"],
        clock=Clock(NOW),
        currency=account["companyCurrency"],
    )
    records = recordings.records().values()
    _define(portal, recordings, records)
    for record in records:
        _create(portal, record)
    for link in recordings.answers[LINKS].request_body["inputs"]:
        portal.associate("contacts", link["from"]["id"], "companies", link["to"]["id"])
    for record in records:
        _set_modified(portal, record)
    return portal


def _define(portal: Portal, recordings: Recordings, records: Any) -> None:
    for object_type, name in DEFINITIONS:
        for row in recordings.results(name):
            portal.schema.define(portal.resolve_type(object_type), _definition(row))
    for object_type in OBJECT_TYPES:
        names = {
            name for record in records if record.kind == object_type for name in record.properties
        }
        for name in sorted(
            names - portal.schema.definitions(portal.resolve_type(object_type)).keys()
        ):
            portal.define_property(object_type, name)  # no recording defines it: plain text
    (lifecycle,) = recordings.results(STAGES)
    portal.set_stages([(stage["id"], stage["label"]) for stage in lifecycle["stages"]])
    for pipeline in recordings.results(PIPELINES):
        portal.add_pipeline(pipeline["id"], pipeline["label"], list(_stages(pipeline)))


def _definition(row: Mapping[str, Any]) -> Definition:
    marks = {mark for name, mark in _DEFINITION_MARKS.items() if row.get(name)}
    marks |= {"hubspot"} if row.get("hubspotDefined") else set()
    marks |= {"ro"} if row["modificationMetadata"]["readOnlyValue"] else set()
    return Definition(
        name=row["name"],
        label=row["label"],
        type=row["type"],
        field_type=row["fieldType"],
        group=row["groupName"],
        description=row.get("description", ""),
        options=parse_options(row["options"]),
        flags=frozenset(marks),
        order=row.get("displayOrder", -1),
    )


def _stages(pipeline: Mapping[str, Any]) -> Iterator[tuple[str, str, bool, float]]:
    for entry in sorted(pipeline["stages"], key=lambda stage: int(stage["displayOrder"])):
        metadata = entry["metadata"]
        yield (
            entry["id"],
            entry["label"],
            metadata["isClosed"] == "true",
            float(metadata["probability"]),
        )


def _create(portal: Portal, record: RecordedRecord) -> None:
    """Create a record at its recorded time; a stage that was entered later is set later."""
    properties, stage = record.properties, portal.resolve_type(record.kind).stage_property
    entered = properties.get(_STAGE_ENTERED_AT, "")
    later_values = {stage: properties[stage]} if entered > properties["createdate"] else {}
    source, source_id = (
        properties.get("hs_object_source", "IMPORT"),
        properties.get("hs_object_source_id", ""),
    )
    portal.create(
        record.kind,
        {name: value for name, value in properties.items() if name not in later_values},
        id=int(record.id),
        source=source,
        source_id=source_id,
    )
    if later_values:
        at = datetime.fromisoformat(entered)
        portal.edit(record.kind, record.id, later_values, at=at, source=source, source_id=source_id)


def _set_modified(portal: Portal, record: RecordedRecord) -> None:
    """Give a record its recorded time of last change, and delete what was recorded as deleted."""
    stored = portal.record(record.kind, record.id)
    stored.modified = parse_time(record.modified)
    portal.touch(stored)
    if record.deleted:
        portal.archive(record.kind, record.id)
