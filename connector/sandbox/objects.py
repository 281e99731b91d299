"""Requests that read records: lists, single ones, batches, searches."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from connector.sandbox import refusals, search
from connector.sandbox.answers import View, batch
from connector.sandbox.call import JSON, Answer, Call
from connector.sandbox.kinds import Kind
from connector.sandbox.links import listed_links
from connector.sandbox.record import Record

if TYPE_CHECKING:
    from connector.sandbox.table import Table

_BATCH = 100
_HISTORY_PAGE = 50
_CURSOR = "NTI1Cg-"  # what an opaque cursor begins with


def list_page(call: Call) -> Answer:
    """Answer one page of a list, in the order of ids."""
    kind, histories = call.kind, call.listed("propertiesWithHistory")
    limit = call.number("limit", otherwise=10, most=_HISTORY_PAGE if histories else _BATCH)
    walk = call.portal.tables[kind.name].walk(_start(call), archived=call.flag("archived"))
    rows = list(islice(walk, limit + 1))
    view = View(call.portal, kind, call.listed("properties"), histories)
    answer: JSON = {"results": [_shown(call, view, record) for record in rows[:limit]]}
    if len(rows) > limit:
        answer["paging"] = {"next": _next(call, _after(call, rows[limit - 1].id))}
    return Answer(body=answer)


def _start(call: Call) -> int:
    """Return the id with which the asked page begins, whatever `after` means here."""
    after = call.request.params.get("after", "")
    meaning = call.portal.switches.list_after
    if after and meaning == "opaque":
        if not after.startswith(_CURSOR):
            raise refusals.invalid(f"Invalid after: {after}")
        after = after.removeprefix(_CURSOR)
    if after and not after.isdigit():
        raise refusals.invalid(f"Invalid after: {after}")
    return int(after or 0) + (meaning == "last" and after != "")


def _after(call: Call, last_id: int) -> str:
    """Return where the list goes on beyond an id."""
    meaning = call.portal.switches.list_after
    prefix = _CURSOR if meaning == "opaque" else ""
    return prefix + str(last_id + (meaning != "last"))


def _next(call: Call, after: str) -> JSON:
    params = urlencode({**call.request.params, "after": after})
    return {"after": after, "link": f"https://api.hubapi.com{call.request.path}?{params}"}


def _shown(call: Call, view: View, record: Record) -> JSON:
    answer = view(record)
    targets = call.listed("associations")
    links = listed_links(call, record, targets) if targets else {}
    return answer | ({"associations": links} if links else {})


def read_one(call: Call) -> Answer:
    """Answer one record; a merged id answers with another one."""
    kind, params = call.kind, call.request.params
    found = find(call, call.names["id"], params.get("idProperty", ""))
    if found is None:
        raise refusals.missing()
    histories = call.listed("propertiesWithHistory")
    view = View(call.portal, kind, call.listed("properties"), histories)
    return Answer(body=_shown(call, view, call.portal.seen(found)))


def find(call: Call, record_id: str, id_property: str = "") -> Record | None:
    """Return the record that a path names; refuse an id that is no number."""
    table = call.portal.tables[call.kind.name]
    if id_property == "email":
        return table.with_email(record_id)
    if not record_id.isdigit():
        raise refusals.not_numeric(record_id)
    return table.find(record_id, archived=call.flag("archived"))


def batch_read(call: Call) -> Answer:
    """Answer up to a hundred records; the missing ones are named."""
    kind, table = call.kind, call.portal.tables[call.kind.name]
    inputs = call.inputs(_BATCH)
    histories = _names(call, "propertiesWithHistory")
    switches = call.portal.switches
    if histories and len(inputs) > switches.batch_history_max:
        most = switches.batch_history_max
        raise refusals.invalid(f"Reading with history is limited to {most} inputs")
    asked = [_id(one) for one in inputs]
    found = {one: _found(call, table, one) for one in asked}
    records = {one.id: one for one in found.values() if one is not None}
    view = View(call.portal, kind, _names(call, "properties"), histories)
    results = [view(call.portal.seen(record)) for record in records.values()]
    absent = [one for one, record in found.items() if record is None]
    silent = switches.batch_read_missing == 200
    errors = [refusals.not_found(absent, kind.singular)] if absent and not silent else []
    return answered(call, results, errors)


def _found(call: Call, table: Table, asked: str) -> Record | None:
    if call.body.get("idProperty") == "email":
        return table.with_email(asked)
    follow = call.portal.switches.batch_read_follows_merges
    return table.find(asked, merged=follow, archived=call.flag("archived"))


def _names(call: Call, key: str) -> list[str]:
    given = call.body.get(key) or []
    if not isinstance(given, list):
        raise refusals.invalid(f"Cannot construct instance of `java.util.Set` from {key}")
    return [str(name) for name in given]


def _id(given: JSON) -> str:
    if "id" not in given:
        column = "Invalid input JSON on line 1, column 14."
        raise refusals.invalid(f"{column} Some required fields were not set: [id]")
    if given["id"] is None:
        raise refusals.plain(400, "Input IDs must be non-null.")
    return str(given["id"])


def answered(call: Call, results: list[Any], errors: list[JSON], *, good: int = 200) -> Answer:
    """Answer a batch: 207 with errors, but 200 in the family 2026-09."""
    status = 207 if errors and call.family != "2026-09" else good
    return Answer(status=status, body=batch(call.portal, results, errors, call.started))


def search_page(call: Call) -> Answer:
    """Answer one page of a search."""
    kind = call.kind
    query = search.parse(call.portal, kind, call.body)
    total, rows = search.run(call.portal, kind, query)
    view = View(call.portal, kind, query.properties)
    answer: JSON = {"total": total, "results": [_row(call, kind, view, one) for one in rows]}
    end = query.after + len(rows)
    if end < total:
        answer["paging"] = {"next": {"after": str(end)}}
    return Answer(body=answer)


def _row(call: Call, kind: Kind, view: View, record: Record) -> JSON:
    shown = call.portal.tables[kind.name].index.shown(record.id)
    return view(record, modified=None if shown == record.modified else shown)
