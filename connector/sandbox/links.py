"""Requests about associations: batch read with paging, linking, unlinking."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from connector.sandbox import refusals
from connector.sandbox.answers import batch
from connector.sandbox.associations import TYPES, Link
from connector.sandbox.call import JSON, Answer, Call
from connector.sandbox.kinds import Kind
from connector.sandbox.record import Record

_CREATE: Final = 2000
_PRIMARY: Final = {primary for _, primary in TYPES.values() if primary}
_PLAIN: Final = {plain for plain, _ in TYPES.values()}


def batch_read(call: Call) -> Answer:
    """Answer the associations of up to a thousand records, a page of each."""
    source, target = _kinds(call)
    results: list[JSON] = []
    errors: list[JSON] = []
    for one in call.inputs(call.portal.switches.association_batch_max):
        record_id = str(one.get("id", ""))
        rows, after = _page(call, record_id, target, str(one.get("after") or "0"))
        if rows:
            row: JSON = {"from": {"id": record_id}, "to": rows}
            results.append(row | _paging(after))
        else:
            errors.append(_none_found(source, target, record_id))
    status = 207 if errors and call.family != "2026-09" else 200
    return Answer(status=status, body=batch(call.portal, results, errors, call.started))


def _kinds(call: Call) -> tuple[Kind, Kind]:
    source, target = call.portal.kind(call.names["from"]), call.portal.kind(call.names["to"])
    if (source.name, target.name) not in TYPES:
        raise refusals.invalid(f"No associations between {source.name} and {target.name}")
    return source, target


def _page(call: Call, record_id: str, target: Kind, after: str) -> tuple[list[JSON], str]:
    """Return a page of links, and where the next one begins, "" after the last."""
    source = call.portal.kind(call.names["from"])
    record = call.portal.tables[source.name].find(record_id)
    if record is None:
        return [], ""
    linked = _live(call, record, target)
    start = bisect_left(linked, int(after)) if after.isdigit() else 0
    size = call.portal.switches.long_paging_of_associations
    links = call.portal.links.of(source.name, record.id, target.name)
    rows = [_row(call, source, target, (one, links[one])) for one in linked[start : start + size]]
    return rows, str(linked[start + size]) if start + size < len(linked) else ""


def _live(call: Call, record: Record, target: Kind) -> list[int]:
    records = call.portal.tables[target.name].records
    links = call.portal.links.of(record.kind.name, record.id, target.name)
    return sorted(one for one in links if one in records and records[one].archived_at is None)


def _row(call: Call, source: Kind, target: Kind, linked: tuple[int, Link]) -> JSON:
    types = call.portal.links.types(source.name, target.name, linked[1])
    return {"toObjectId": linked[0], "associationTypes": types}


def _paging(after: str) -> JSON:
    return {"paging": {"next": {"after": after, "link": f"?after={after}"}}} if after else {}


def _none_found(source: Kind, target: Kind, record_id: str) -> JSON:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {target.singular} is associated with {source.singular} {record_id}.",
        "context": {
            "fromObjectId": [record_id],
            "fromObjectType": [source.singular],
            "toObjectType": [target.singular],
        },
    }


def read_of_one(call: Call) -> Answer:
    """Answer the associations of one record; of a missing one an empty page."""
    _, target = _kinds(call)
    after = call.request.params.get("after", "") or "0"
    rows, more = _page(call, call.names["id"], target, after)
    return Answer(body={"results": rows} | _paging(more))


def batch_create(call: Call) -> Answer:
    """Link records in pairs, with the types that each pair names."""
    source, target = _kinds(call)
    results: list[JSON] = []
    for one in call.inputs(_CREATE):
        record, other = _end(call, source, one["from"]), _end(call, target, one["to"])
        link = _link(call, one.get("types") or [])
        call.portal.link(record, other, link, call.portal.clock.ms())
        results.append(_linked(record, other, link))
    return Answer(status=201, body=batch(call.portal, results, [], call.started))


def batch_create_v3(call: Call) -> Answer:
    """Link records in pairs as the v3 API does; both directions are answered."""
    source, target = _kinds(call)
    results: list[JSON] = []
    for one in call.inputs(_CREATE):
        record, other = _end(call, source, one["from"]), _end(call, target, one["to"])
        call.portal.link(record, other, Link(), call.portal.clock.ms())
        for start, end in ((other, record), (record, other)):
            pair = f"{start.kind.singular}_to_{end.kind.singular}"
            results.append({"from": _ref(start), "to": _ref(end), "type": pair})
    return Answer(status=201, body=batch(call.portal, results, [], call.started))


def batch_archive(call: Call) -> Answer:
    """Take links out."""
    source, target = _kinds(call)
    for one in call.inputs(_CREATE):
        for other in one.get("to") or []:
            call.portal.unlink(_end(call, source, one["from"]), _end(call, target, other))
    return Answer(status=204)


def link_one(call: Call) -> Answer:
    """Link two records named in the path."""
    source, target = _kinds(call)
    record = _end(call, source, {"id": call.names["id"]})
    other = _end(call, target, {"id": call.names["to_id"]})
    types = call.request.body if isinstance(call.request.body, list) else []
    link = _link(call, types)
    call.portal.link(record, other, link, call.portal.clock.ms())
    if types:
        return Answer(status=201, body=_linked(record, other, link))
    both = [_default(one, two) for one, two in ((record, other), (other, record))]
    return Answer(body=batch(call.portal, both, [], call.started))


def unlink_one(call: Call) -> Answer:
    """Take the link between two records named in the path out."""
    source, target = _kinds(call)
    table, others = call.portal.tables[source.name], call.portal.tables[target.name]
    record, other = table.find(call.names["id"]), others.find(call.names["to_id"])
    if record is not None and other is not None:
        call.portal.unlink(record, other)
    return Answer(status=204)


def link_new(call: Call, record: Record, given: Iterable[JSON]) -> None:
    """Link a record that was just created to those that its creation names."""
    for one in given:
        types = one.get("types") or []
        numbers = [int(type_["associationTypeId"]) for type_ in types]
        pairs = (pair for pair, known in TYPES.items() if set(numbers) & set(known))
        target = next((to for start, to in pairs if start == record.kind.name), "")
        if target:
            other = _end(call, call.portal.kind(target), one["to"])
            call.portal.link(record, other, _link(call, types), call.portal.clock.ms())


def listed_links(call: Call, record: Record, targets: Iterable[str]) -> JSON:
    """Write the associations that stand inside a list or a single record."""
    found: JSON = {}
    for name in targets:
        target = call.portal.kind(name)
        linked = _live(call, record, target)
        if linked:
            found[target.name] = _inside(call, record, target, linked)
    return found


def _inside(call: Call, record: Record, target: Kind, linked: list[int]) -> JSON:
    links = call.portal.links.of(record.kind.name, record.id, target.name)
    size = call.portal.switches.long_paging_of_associations
    pair = f"{record.kind.singular}_to_{target.singular}"
    labelled = TYPES[record.kind.name, target.name][1] is not None
    rows: list[JSON] = []
    for one in islice(linked, size):
        if links[one].primary or not labelled:
            rows.append({"id": str(one), "type": pair})
        if labelled:
            rows.append({"id": str(one), "type": f"{pair}_unlabeled"})
    return {"results": rows} | _paging(str(linked[size]) if len(linked) > size else "")


def _end(call: Call, kind: Kind, given: JSON) -> Record:
    record = call.portal.tables[kind.name].find(str(given.get("id", "")))
    if record is None:
        raise refusals.invalid(f"{given.get('id')} is not a valid ID")
    return record


def _link(call: Call, types: Iterable[Any]) -> Link:
    numbers = [int(one["associationTypeId"]) for one in types]
    own = [number for number in numbers if number not in _PRIMARY | _PLAIN]
    labels = tuple(call.portal.links.label_of(number) for number in own)
    return Link(bool(_PRIMARY & set(numbers)), labels)


def _linked(record: Record, other: Record, link: Link) -> JSON:
    return {
        "fromObjectTypeId": record.kind.type_id,
        "fromObjectId": record.id,
        "toObjectTypeId": other.kind.type_id,
        "toObjectId": other.id,
        "labels": list(link.labels),
    }


def _default(record: Record, other: Record) -> JSON:
    plain = TYPES[record.kind.name, other.kind.name][0]
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": plain}
    return {"from": _ref(record), "to": _ref(other), "associationSpec": spec}


def _ref(record: Record) -> JSON:
    return {"id": str(record.id)}
