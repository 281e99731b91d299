"""Requests that read records: lists, single ones, batches, searches."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from connector.sandbox.http.associations import embedded_associations
from connector.sandbox.http.call import JSON, Answer, Call
from connector.sandbox.http.record_json import RecordView, batch_body
from connector.sandbox.portal import refusals, search
from connector.sandbox.portal.object_types import ObjectType
from connector.sandbox.portal.record import Record

if TYPE_CHECKING:
    from connector.sandbox.portal.table import Table

_MAX_BATCH = 100
_MAX_HISTORY_PAGE = 50
_CURSOR_PREFIX = "NTI1Cg-"  # what an opaque cursor begins with


def list_page(call: Call) -> Answer:
    """Answer one page of a list, in the order of ids."""
    object_type, histories = call.object_type, call.list_param("propertiesWithHistory")
    limit = call.number_param(
        "limit", default=10, maximum=_MAX_HISTORY_PAGE if histories else _MAX_BATCH
    )
    records = call.portal.tables[object_type.name].walk(
        _start_id(call), archived=call.bool_param("archived")
    )
    rows = list(islice(records, limit + 1))
    view = RecordView(call.portal, object_type, call.list_param("properties"), histories)
    answer: JSON = {"results": [_record_json(call, view, record) for record in rows[:limit]]}
    if len(rows) > limit:
        answer["paging"] = {"next": _next_page(call, _next_after(call, rows[limit - 1].id))}
    return Answer(body=answer)


def _start_id(call: Call) -> int:
    """Return the id with which the asked page begins, whatever `after` means here."""
    after = call.request.params.get("after", "")
    meaning = call.portal.switches.list_after
    if after and meaning == "opaque":
        if not after.startswith(_CURSOR_PREFIX):
            raise refusals.invalid(f"Invalid after: {after}")
        after = after.removeprefix(_CURSOR_PREFIX)
    if after and not after.isdigit():
        raise refusals.invalid(f"Invalid after: {after}")
    return int(after or 0) + (meaning == "last" and after != "")


def _next_after(call: Call, last_id: int) -> str:
    """Return where the list goes on beyond an id."""
    meaning = call.portal.switches.list_after
    prefix = _CURSOR_PREFIX if meaning == "opaque" else ""
    return prefix + str(last_id + (meaning != "last"))


def _next_page(call: Call, after: str) -> JSON:
    params = urlencode({**call.request.params, "after": after})
    return {"after": after, "link": f"https://api.hubapi.com{call.request.path}?{params}"}


def _record_json(call: Call, view: RecordView, record: Record) -> JSON:
    answer = view(record)
    targets = call.list_param("associations")
    links = embedded_associations(call, record, targets) if targets else {}
    return answer | ({"associations": links} if links else {})


def read_record(call: Call) -> Answer:
    """Answer one record; a merged id answers with another one."""
    object_type, params = call.object_type, call.request.params
    record = find_record(call, call.path_params["id"], params.get("idProperty", ""))
    if record is None:
        raise refusals.resource_not_found()
    histories = call.list_param("propertiesWithHistory")
    view = RecordView(call.portal, object_type, call.list_param("properties"), histories)
    return Answer(body=_record_json(call, view, call.portal.record_for_read(record)))


def find_record(call: Call, record_id: str, id_property: str = "") -> Record | None:
    """Return the record that a path names; refuse an id that is no number."""
    table = call.portal.tables[call.object_type.name]
    if id_property == "email":
        return table.find_by_email(record_id)
    if not record_id.isdigit():
        raise refusals.non_numeric_id(record_id)
    return table.find(record_id, archived=call.bool_param("archived"))


def batch_read(call: Call) -> Answer:
    """Answer up to a hundred records; the missing ones are named."""
    object_type, table = call.object_type, call.portal.tables[call.object_type.name]
    inputs = call.inputs(_MAX_BATCH)
    history_names = _name_list(call, "propertiesWithHistory")
    # HubSpot takes fewer inputs where histories are asked for.
    switches = call.portal.switches
    if history_names and len(inputs) > switches.batch_history_max:
        maximum = switches.batch_history_max
        raise refusals.invalid(f"Reading with history is limited to {maximum} inputs")
    requested_ids = [_input_id(item) for item in inputs]
    records_by_requested_id = {
        requested_id: _find_requested(call, table, requested_id) for requested_id in requested_ids
    }
    # Two ids of one merged record give one row.
    records = {
        record.id: record for record in records_by_requested_id.values() if record is not None
    }
    view = RecordView(call.portal, object_type, _name_list(call, "properties"), history_names)
    results = [view(call.portal.record_for_read(record)) for record in records.values()]
    missing_ids = [
        requested_id for requested_id, record in records_by_requested_id.items() if record is None
    ]
    # Missing ids are named in a 207, or left out of a 200, by the switch.
    omits_missing = switches.batch_read_missing == 200
    errors = (
        [refusals.not_found_entry(missing_ids, object_type.singular)]
        if missing_ids and not omits_missing
        else []
    )
    return batch_answer(call, results, errors)


def _find_requested(call: Call, table: Table, requested_id: str) -> Record | None:
    if call.body.get("idProperty") == "email":
        return table.find_by_email(requested_id)
    follows_merges = call.portal.switches.batch_read_follows_merges
    return table.find(
        requested_id, follow_merges=follows_merges, archived=call.bool_param("archived")
    )


def _name_list(call: Call, key: str) -> list[str]:
    names = call.body.get(key) or []
    if not isinstance(names, list):
        raise refusals.invalid(f"Cannot construct instance of `java.util.Set` from {key}")
    return [str(name) for name in names]


def _input_id(item: JSON) -> str:
    if "id" not in item:
        location = "Invalid input JSON on line 1, column 14."
        raise refusals.invalid(f"{location} Some required fields were not set: [id]")
    if item["id"] is None:
        raise refusals.uncategorized(400, "Input IDs must be non-null.")
    return str(item["id"])


def batch_answer(
    call: Call, results: list[Any], errors: list[JSON], *, success_status: int = 200
) -> Answer:
    """Answer a batch: 207 with errors, but 200 in the family 2026-09."""
    status = 207 if errors and call.family != "2026-09" else success_status
    return Answer(status=status, body=batch_body(call.portal, results, errors, call.started_at))


def search_page(call: Call) -> Answer:
    """Answer one page of a search."""
    object_type = call.object_type
    query = search.parse(call.portal, object_type, call.body)
    page = search.run(call.portal, object_type, query)
    view = RecordView(call.portal, object_type, query.properties)
    answer: JSON = {
        "total": page.total,
        "results": [_search_row(call, object_type, view, record) for record in page.records],
    }
    if page.next_offset is not None:
        answer["paging"] = {"next": {"after": str(page.next_offset)}}
    return Answer(body=answer)


def _search_row(call: Call, object_type: ObjectType, view: RecordView, record: Record) -> JSON:
    indexed_modified = call.portal.tables[object_type.name].index.visible_modified(record.id)
    return view(record, modified=None if indexed_modified == record.modified else indexed_modified)
