"""Records as HubSpot shows them in its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from connector.sandbox import calculated
from connector.sandbox.kinds import TASKS, Kind
from connector.sandbox.record import Record, Version, iso

if TYPE_CHECKING:
    from connector.sandbox.inside import Inside

JSON = dict[str, Any]

# what the answer to a write shows beside the properties that were sent
_ECHOED: Final = {
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
_ECHOED_ALWAYS: Final = (
    "hs_object_source",
    "hs_object_source_id",
    "hs_object_source_label",
    "hs_pipeline",
    "hs_v2_date_entered_current_stage",
    "hs_v2_time_in_current_stage",
    "lifecyclestage",
)
_NOT_AT_CREATION: Final = ("hs_v2_date_entered_", "hs_calculated_merged_vids")


class View:
    """How records of one kind are shown when these properties are asked for."""

    def __init__(
        self, portal: Inside, kind: Kind, names: Sequence[str], histories: Sequence[str] = ()
    ) -> None:
        known = portal.schema.definitions(kind)
        getters = portal.getters(kind)
        wanted = [*names, *histories] or kind.defaults
        asked = {*(name for name in wanted if name in known), *kind.always}
        self._plan = [(name, getters.get(name)) for name in sorted(asked)]
        self._histories = sorted(name for name in histories if name in known)
        self._portal = portal
        self._blank_shown = portal.switches.blank_in_answers == "null"
        self._modified = kind.modified
        self._url = _url(portal, kind)

    def __call__(self, record: Record, *, modified: int | None = None) -> JSON:
        """Show a record; `modified` where the search index still has an older time."""
        values = record.values
        shown: JSON = {}
        for name, getter in self._plan:
            value = values.get(name) if getter is None else getter(record)
            if value:
                shown[name] = value
            elif self._blank_shown:
                shown[name] = None
        answer = _framed(record, shown, self._url, modified=modified)
        if modified is not None:
            shown[self._modified] = iso(modified)
        if self._histories:
            answer["propertiesWithHistory"] = {
                name: self._versions(record, name) for name in self._histories
            }
        return answer

    def _versions(self, record: Record, name: str) -> list[JSON]:
        switches = self._portal.switches
        newest_first = calculated.history(self._portal, record, name)[::-1]
        kept = newest_first[: switches.history_versions_max]
        return [_version(one) for one in (kept if _newest(switches.history_order) else kept[::-1])]


def _newest(order: str) -> bool:
    return order == "newest_first"


def _version(version: Version) -> JSON:
    shown: JSON = {
        "value": version.value,
        "timestamp": iso(version.at),
        "sourceType": version.source.type,
    }
    if version.source.id:
        shown["sourceId"] = version.source.id
    if version.source.label:
        shown["sourceLabel"] = version.source.label
    if version.source.user_id is not None:
        shown["updatedByUserId"] = version.source.user_id
    return shown


def _url(portal: Inside, kind: Kind) -> str:
    if kind is TASKS:
        return f"https://{portal.ui_domain}/tasks/{portal.portal_id}/view/all/task/"
    return f"https://{portal.ui_domain}/contacts/{portal.portal_id}/record/{kind.type_id}/"


def _framed(record: Record, shown: JSON, url: str, *, modified: int | None = None) -> JSON:
    record_id = str(record.id)
    answer: JSON = {
        "id": record_id,
        "properties": shown,
        "createdAt": iso(record.created),
        "updatedAt": iso(record.modified if modified is None else modified),
        "archived": record.archived_at is not None,
        "url": url + record_id,
    }
    if record.archived_at is not None:
        answer["archivedAt"] = iso(record.archived_at)
    return answer


def echo(portal: Inside, record: Record, sent: Mapping[str, str]) -> JSON:
    """Show a record after a write: what was sent, "" for a clear, and a default set."""
    kind, known = record.kind, portal.schema.definitions(record.kind)
    names = (*kind.always, *_ECHOED_ALWAYS, *_ECHOED[kind.name])
    shown = {name: portal.read(record, name) for name in names if name in known}
    shown = {name: value for name, value in shown.items() if value} | dict(sent)
    return _framed(record, dict(sorted(shown.items())), _url(portal, kind))


def created(portal: Inside, record: Record) -> JSON:
    """Show a record that was just created: everything that it has."""
    kind = record.kind
    shown = dict(record.values)
    for name, getter in portal.getters(kind).items():
        if name.startswith(_NOT_AT_CREATION) and name != "hs_v2_date_entered_current_stage":
            continue
        value = getter(record)
        if name.startswith("hs_lifecyclestage_") and value:
            value = str(record.created)  # recorded: milliseconds here, ISO on read
        if value:
            shown[name] = value
    return _framed(record, dict(sorted(shown.items())), _url(portal, kind))


def batch(portal: Inside, results: list[JSON], errors: list[JSON], started: int) -> JSON:
    """Frame the results of a batch."""
    answer: JSON = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": iso(started),
        "completedAt": iso(portal.clock.ms()),
    }
    return answer | ({"errors": errors, "numErrors": len(errors)} if errors else {})
