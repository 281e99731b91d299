"""Records as HubSpot shows them in its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from connector.sandbox.http.oddities import make_record_odd
from connector.sandbox.portal import calculated
from connector.sandbox.portal.object_types import TASKS, ObjectType
from connector.sandbox.portal.record import Record, Version, iso

if TYPE_CHECKING:
    from connector.sandbox.portal.state import PortalState

JSON = dict[str, Any]

# what the answer to a write shows beside the properties that were sent
_SHOWN_AFTER_WRITE: Final = {
    "contacts": ("hs_is_unworked",),
    "companies": ("domain", "hs_task_label"),
    "deals": (
        "amount_in_home_currency",
        "days_to_close",
        "hs_closed_won_count",
        "hs_deal_stage_probability",
        "hs_is_closed",
        "hs_is_closed_won",
        "pipeline",
    ),
    "tasks": ("hs_task_priority", "hs_task_status", "hs_task_subject", "hs_task_type"),
}
_ALWAYS_SHOWN_AFTER_WRITE: Final = (
    "hs_object_source",
    "hs_object_source_id",
    "hs_object_source_label",
    "hs_pipeline",
    "hs_v2_date_entered_current_stage",
    "hs_v2_time_in_current_stage",
    "lifecyclestage",
)
_NOT_AT_CREATION: Final = ("hs_v2_date_entered_", "hs_calculated_merged_vids")


class RecordView:
    """Writes records of one type as JSON, with the properties that were asked for."""

    def __init__(
        self,
        portal: PortalState,
        object_type: ObjectType,
        names: Sequence[str],
        histories: Sequence[str] = (),
    ) -> None:
        definitions = portal.schema.definitions(object_type)
        getters = calculated.getters(portal, object_type)
        requested_names = [*names, *histories] or object_type.default_properties
        shown_names = {
            *(name for name in requested_names if name in definitions),
            *object_type.always_shown,
        }
        self._properties = [(name, getters.get(name)) for name in sorted(shown_names)]
        self._histories = sorted(name for name in histories if name in definitions)
        self._portal = portal
        self._show_blanks = portal.switches.blank_in_answers == "null"
        self._modified_property = object_type.modified_property
        self._url = _url_prefix(portal, object_type)

    def __call__(self, record: Record, *, modified: int | None = None) -> JSON:
        """Return a record as JSON; `modified` is the older time of a search index that lags."""
        values = record.values
        properties: JSON = {}
        for name, getter in self._properties:
            value = values.get(name) if getter is None else getter(record)
            if value:
                properties[name] = value
            elif self._show_blanks:
                properties[name] = None
        answer = _record_json(record, properties, self._url, modified=modified)
        if modified is not None:
            properties[self._modified_property] = iso(modified)
        if self._histories:
            answer["propertiesWithHistory"] = {
                name: self._versions(record, name) for name in self._histories
            }
        return make_record_odd(self._portal, record, answer)

    def _versions(self, record: Record, name: str) -> list[JSON]:
        switches = self._portal.switches
        newest_first_versions = calculated.history(self._portal, record, name)[::-1]
        versions = newest_first_versions[: switches.history_versions_max]
        return [
            _version_json(version)
            for version in (
                versions if _is_newest_first(switches.history_order) else versions[::-1]
            )
        ]


def _is_newest_first(order: str) -> bool:
    return order == "newest_first"


def _version_json(version: Version) -> JSON:
    answer: JSON = {
        "value": version.value,
        "timestamp": iso(version.at),
        "sourceType": version.source.type,
    }
    if version.source.id:
        answer["sourceId"] = version.source.id
    if version.source.label:
        answer["sourceLabel"] = version.source.label
    if version.source.user_id is not None:
        answer["updatedByUserId"] = version.source.user_id
    return answer


def _url_prefix(portal: PortalState, object_type: ObjectType) -> str:
    if object_type is TASKS:
        return f"https://{portal.ui_domain}/tasks/{portal.portal_id}/view/all/task/"
    return f"https://{portal.ui_domain}/contacts/{portal.portal_id}/record/{object_type.type_id}/"


def _record_json(
    record: Record, properties: JSON, url_prefix: str, *, modified: int | None = None
) -> JSON:
    record_id = str(record.id)
    answer: JSON = {
        "id": record_id,
        "properties": properties,
        "createdAt": iso(record.created),
        "updatedAt": iso(record.modified if modified is None else modified),
        "archived": record.archived_at is not None,
        "url": url_prefix + record_id,
    }
    if record.archived_at is not None:
        answer["archivedAt"] = iso(record.archived_at)
    return answer


def updated_record(portal: PortalState, record: Record, written: Mapping[str, str]) -> JSON:
    """Show a record after a write: what was sent, "" for a clear, and a default set."""
    object_type, definitions = record.object_type, portal.schema.definitions(record.object_type)
    names = (
        *object_type.always_shown,
        *_ALWAYS_SHOWN_AFTER_WRITE,
        *_SHOWN_AFTER_WRITE[object_type.name],
    )
    properties = {
        name: calculated.read(portal, record, name) for name in names if name in definitions
    }
    properties = {name: value for name, value in properties.items() if value} | dict(written)
    return _record_json(record, dict(sorted(properties.items())), _url_prefix(portal, object_type))


def created_record(portal: PortalState, record: Record) -> JSON:
    """Show a record that was just created: everything that it has."""
    object_type = record.object_type
    properties = dict(record.values)
    for name, getter in calculated.getters(portal, object_type).items():
        if name.startswith(_NOT_AT_CREATION) and name != "hs_v2_date_entered_current_stage":
            continue
        value = getter(record)
        if name.startswith("hs_lifecyclestage_") and value:
            value = str(record.created)  # recorded: milliseconds here, ISO on read
        if value:
            properties[name] = value
    return _record_json(record, dict(sorted(properties.items())), _url_prefix(portal, object_type))


def batch_body(
    portal: PortalState, results: list[JSON], errors: list[JSON], started_at: int
) -> JSON:
    """Frame the results of a batch."""
    answer: JSON = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": iso(started_at),
        "completedAt": iso(portal.clock.ms()),
    }
    return answer | ({"errors": errors, "numErrors": len(errors)} if errors else {})
