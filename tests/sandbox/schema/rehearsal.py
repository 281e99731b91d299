"""Put into a portal what a recorded answer presupposes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.sandbox.portal import Portal
from tests.sandbox.schema.recordings import Recording

JSON = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """A portal and the request that it gets; `fault` names a fault of the box."""

    recording: Recording
    portal: Portal
    method: str
    path: str
    params: dict[str, str]
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    @property
    def kind(self) -> str:
        """Return the object type that the path names."""
        return next((one for one in self.portal.tables if f"/{one}" in self.path), "contacts")

    @property
    def presupposes_its_answer(self) -> bool:
        """Tell whether the answer's records are there before the request."""
        reads = self.path.endswith(("/search", "batch/read", "batch/update"))
        return reads or self.method in {"GET", "PATCH", "DELETE"}


def put_records(rehearsal: Rehearsal) -> None:
    """Create what the answer shows, as it was before the request."""
    for one in rehearsal.recording.records:
        _define(rehearsal, one["properties"])
        create(rehearsal, one)
    if rehearsal.recording.records and "paging" in rehearsal.recording.answer:
        _put_next_page(rehearsal)


def create(rehearsal: Rehearsal, one: JSON) -> None:
    """Create one recorded record with its history and links."""
    portal, kind, histories = rehearsal.portal, rehearsal.kind, one.get("propertiesWithHistory", {})
    known = portal.schema.definitions(portal.kind(kind))
    sent = rehearsal.body.get("properties", ()) if rehearsal.method == "PATCH" else ()
    values = {
        name: value
        for name, value in one["properties"].items()
        if value and name in known and not known[name].read_only
    }
    before = {name: values[name] for name in values.keys() - {*sent, *histories}}
    at = datetime.fromisoformat(one["createdAt"])
    portal.create(kind, before, id=one["id"], at=at, source="INTEGRATION", source_id="18221010")
    for name, versions in histories.items():
        _write(rehearsal, one["id"], name, versions[0])
    for target, linked in one.get("associations", {}).items():
        _link(rehearsal, one["id"], target, [other["id"] for other in linked["results"]])


def _define(rehearsal: Rehearsal, properties: JSON) -> None:
    """Give the portal those properties that were asked for by name."""
    body = rehearsal.body if isinstance(rehearsal.body, dict) else {}
    asked = {*rehearsal.params.get("properties", "").split(","), *body.get("properties", ())}
    asked |= set(rehearsal.params.get("propertiesWithHistory", "").split(","))
    known = rehearsal.portal.schema.definitions(rehearsal.portal.kind(rehearsal.kind))
    for name in sorted(asked & properties.keys() - known.keys()):
        rehearsal.portal.define_property(rehearsal.kind, name)


def _write(rehearsal: Rehearsal, record: str, name: str, version: JSON) -> None:
    rehearsal.portal.edit(
        rehearsal.kind,
        record,
        {name: version["value"]},
        at=datetime.fromisoformat(version["timestamp"]),
        source=version["sourceType"],
        source_id=version["sourceId"],
        user_id=version.get("updatedByUserId"),
    )


def _link(rehearsal: Rehearsal, record: str, target: str, others: list[str]) -> None:
    for other in others:
        rehearsal.portal.create(target, {}, id=other)
        rehearsal.portal.associate(rehearsal.kind, record, target, other)


def _put_next_page(rehearsal: Rehearsal) -> None:
    """Create what stands on the next page, and ask for pages of the recorded size."""
    records = rehearsal.recording.records
    last = max(int(one["id"]) for one in records)
    for number, model in enumerate(records, start=1):
        create(rehearsal, model | {"id": str(last + number)})
    if rehearsal.method == "GET":
        rehearsal.params["limit"] = str(len(records))
    else:
        rehearsal.body = rehearsal.body | {"limit": len(records)}
