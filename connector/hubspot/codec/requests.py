"""Build the queries and bodies of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from connector.core.model import ObjectType, Ref
from connector.hubspot.api import SEARCH_LIMIT
from connector.hubspot.codec.records import MERGED_IDS_PROPERTY, MODIFIED_PROPERTY

LIST_LIMIT: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def list_query(names: Sequence[str], *, after: str | None, archived: bool) -> dict[str, str]:
    """Return the query of a list."""
    query = {"limit": str(LIST_LIMIT), "archived": "true" if archived else "false"}
    if names:
        query["properties"] = ",".join(_with_merged_ids(names))
    if after is not None:
        query["after"] = after
    return query


def search_changed_body(
    object_type: ObjectType,
    names: Sequence[str],
    *,
    since: datetime,
    until: datetime,
    after_id: str,
) -> dict[str, object]:
    """Return the body of a search by last-modified time, or within it by id."""
    modified = MODIFIED_PROPERTY[object_type]
    window = {
        "propertyName": modified,
        "operator": "BETWEEN",
        "value": str((since - _EPOCH) // _MILLISECOND),
        "highValue": str(-((_EPOCH - until) // _MILLISECOND)),
    }
    above_id = {"propertyName": "hs_object_id", "operator": "GT", "value": after_id}
    return {
        "filterGroups": [{"filters": [window, above_id] if after_id else [window]}],
        "sorts": [
            {
                "propertyName": "hs_object_id" if after_id else modified,
                "direction": "ASCENDING",
            }
        ],
        "properties": _with_merged_ids(names),
        "limit": SEARCH_LIMIT,
    }


def search_last_body() -> dict[str, object]:
    """Return the body of a search for the record with the greatest id."""
    by_id = {"propertyName": "hs_object_id", "direction": "DESCENDING"}
    return {"filterGroups": [], "sorts": [by_id], "properties": ["hs_object_id"], "limit": 1}


def search_modified_last_body(object_type: ObjectType, limit: int) -> dict[str, object]:
    """Return the body of a search for the records that were modified last, newest first."""
    by_time = {"propertyName": MODIFIED_PROPERTY[object_type], "direction": "DESCENDING"}
    return {
        "filterGroups": [],
        "sorts": [by_time],
        "properties": [MODIFIED_PROPERTY[object_type]],
        "limit": limit,
    }


def batch_read_body(
    refs: Sequence[Ref], names: Sequence[str], history: Sequence[str]
) -> dict[str, object]:
    """Return the body of a batch read; it asks for merged ids too, to know survivors by them."""
    return {
        "inputs": [{"id": ref.id} for ref in refs],
        "properties": _with_merged_ids(names),
        "propertiesWithHistory": list(history),
    }


def _with_merged_ids(names: Sequence[str]) -> list[str]:
    """Add the property that holds merged ids: only the survivor names them in time."""
    return list(dict.fromkeys((*names, MERGED_IDS_PROPERTY)))


def batch_update_body(changes: Mapping[Ref, Mapping[str, str]]) -> dict[str, object]:
    """Return the body of a batch update; "" clears a property, null is not documented."""
    return {
        "inputs": [
            {"id": ref.id, "properties": dict(properties)} for ref, properties in changes.items()
        ]
    }


def associations_body(cursors: Mapping[Ref, str | None]) -> dict[str, object]:
    """Return the body of an association read, with the cursor of each record's page."""
    return {
        "inputs": [
            {"id": ref.id} if after is None else {"id": ref.id, "after": after}
            for ref, after in cursors.items()
        ]
    }
