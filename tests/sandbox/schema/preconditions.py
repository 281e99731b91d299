"""Put into a portal what a recorded answer presupposes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.sandbox.portal.portal import Portal
from tests.sandbox.schema.recordings import Recording

JSON = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Replay:
    """A portal and the request that it gets; `fault` names a fault of the sandbox."""

    recording: Recording
    portal: Portal
    method: str
    path: str
    params: dict[str, str]
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    @property
    def object_type(self) -> str:
        """Return the object type that the path names."""
        return next((name for name in self.portal.tables if f"/{name}" in self.path), "contacts")

    @property
    def needs_records(self) -> bool:
        """Return whether the answer's records are there before the request."""
        is_read_or_update = self.path.endswith(("/search", "batch/read", "batch/update"))
        return is_read_or_update or self.method in {"GET", "PATCH", "DELETE"}


def put_records(replay: Replay) -> None:
    """Create what the answer shows, as it was before the request."""
    for record in replay.recording.records:
        _define(replay, record["properties"])
        create(replay, record)
    if replay.recording.records and "paging" in replay.recording.answer:
        _put_next_page(replay)


def create(replay: Replay, record: JSON) -> None:
    """Create one recorded record with its history and links."""
    portal, object_type, histories = (
        replay.portal,
        replay.object_type,
        record.get("propertiesWithHistory", {}),
    )
    definitions = portal.schema.definitions(portal.resolve_type(object_type))
    sent_names = replay.body.get("properties", ()) if replay.method == "PATCH" else ()
    values = {
        name: value
        for name, value in record["properties"].items()
        if value and name in definitions and not definitions[name].read_only
    }
    first_values = {name: values[name] for name in values.keys() - {*sent_names, *histories}}
    at = datetime.fromisoformat(record["createdAt"])
    portal.create(
        object_type,
        first_values,
        id=record["id"],
        at=at,
        source="INTEGRATION",
        source_id="18221010",
    )
    for name, versions in histories.items():
        _write(replay, record["id"], name, versions[0])
    for target, links in record.get("associations", {}).items():
        _link(replay, record["id"], target, [link["id"] for link in links["results"]])


def _define(replay: Replay, properties: JSON) -> None:
    """Give the portal those properties that were asked for by name."""
    body = replay.body if isinstance(replay.body, dict) else {}
    requested_names = {*replay.params.get("properties", "").split(","), *body.get("properties", ())}
    requested_names |= set(replay.params.get("propertiesWithHistory", "").split(","))
    definitions = replay.portal.schema.definitions(replay.portal.resolve_type(replay.object_type))
    for name in sorted(requested_names & properties.keys() - definitions.keys()):
        replay.portal.define_property(replay.object_type, name)


def _write(replay: Replay, record_id: str, name: str, version: JSON) -> None:
    replay.portal.edit(
        replay.object_type,
        record_id,
        {name: version["value"]},
        at=datetime.fromisoformat(version["timestamp"]),
        source=version["sourceType"],
        source_id=version["sourceId"],
        user_id=version.get("updatedByUserId"),
    )


def _link(replay: Replay, record_id: str, target: str, target_ids: list[str]) -> None:
    for target_id in target_ids:
        replay.portal.create(target, {}, id=target_id)
        replay.portal.associate(replay.object_type, record_id, target, target_id)


def _put_next_page(replay: Replay) -> None:
    """Create what stands on the next page, and ask for pages of the recorded size."""
    records = replay.recording.records
    last_id = max(int(record["id"]) for record in records)
    for number, record in enumerate(records, start=1):
        create(replay, record | {"id": str(last_id + number)})
    if replay.method == "GET":
        replay.params["limit"] = str(len(records))
    else:
        replay.body = replay.body | {"limit": len(records)}
