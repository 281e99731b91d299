"""Requests about associations: batch read with paging, linking, unlinking."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from connector.sandbox.http.call import JSON, Answer, Call
from connector.sandbox.http.record_json import batch_body
from connector.sandbox.portal import linking, refusals
from connector.sandbox.portal.associations import TYPE_IDS, Link
from connector.sandbox.portal.object_types import ObjectType
from connector.sandbox.portal.record import Record

_MAX_INPUTS: Final = 2000
_PRIMARY_TYPE_IDS: Final = {primary for _, primary in TYPE_IDS.values() if primary}
_UNLABELLED_TYPE_IDS: Final = {unlabelled for unlabelled, _ in TYPE_IDS.values()}


def batch_read(call: Call) -> Answer:
    """Answer the associations of up to a thousand records, a page of each."""
    source, target = _object_types(call)
    results: list[JSON] = []
    errors: list[JSON] = []
    for item in call.inputs(call.portal.switches.association_batch_max):
        record_id = str(item.get("id", ""))
        rows, after = _link_page(call, record_id, target, str(item.get("after") or "0"))
        if rows:
            row: JSON = {"from": {"id": record_id}, "to": rows}
            results.append(row | _paging(after))
        else:
            errors.append(_no_associations_error(source, target, record_id))
    status = 207 if errors and call.family != "2026-09" else 200
    return Answer(status=status, body=batch_body(call.portal, results, errors, call.started_at))


def _object_types(call: Call) -> tuple[ObjectType, ObjectType]:
    source, target = (
        call.portal.resolve_type(call.path_params["from"]),
        call.portal.resolve_type(call.path_params["to"]),
    )
    if (source.name, target.name) not in TYPE_IDS:
        raise refusals.invalid(f"No associations between {source.name} and {target.name}")
    return source, target


def _link_page(
    call: Call, record_id: str, target: ObjectType, after: str
) -> tuple[list[JSON], str]:
    """Return a page of links, and where the next one begins, "" after the last."""
    source = call.portal.resolve_type(call.path_params["from"])
    record = call.portal.tables[source.name].find(record_id)
    if record is None:
        return [], ""
    linked_ids = _listed_ids(call, record, target)
    start = bisect_left(linked_ids, int(after)) if after.isdigit() else 0
    page_size = call.portal.switches.long_paging_of_associations
    links = call.portal.links.of(source.name, record.id, target.name)
    rows = [
        _link_row(call, source, target, (linked_id, links[linked_id]))
        for linked_id in linked_ids[start : start + page_size]
    ]
    return rows, str(linked_ids[start + page_size]) if start + page_size < len(linked_ids) else ""


def _listed_ids(call: Call, record: Record, target: ObjectType) -> list[int]:
    records = call.portal.tables[target.name].records
    links = call.portal.links.of(record.object_type.name, record.id, target.name)
    lists_archived = call.portal.switches.archived_links == "listed"
    return sorted(
        linked_id
        for linked_id in links
        if linked_id in records and (lists_archived or records[linked_id].archived_at is None)
    )


def _link_row(
    call: Call, source: ObjectType, target: ObjectType, id_and_link: tuple[int, Link]
) -> JSON:
    types = call.portal.links.types(source.name, target.name, id_and_link[1])
    return {"toObjectId": id_and_link[0], "associationTypes": types}


def _paging(after: str) -> JSON:
    return {"paging": {"next": {"after": after, "link": f"?after={after}"}}} if after else {}


def _no_associations_error(source: ObjectType, target: ObjectType, record_id: str) -> JSON:
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


def read_links(call: Call) -> Answer:
    """Answer the associations of one record; of a missing one an empty page."""
    _, target = _object_types(call)
    after = call.request.params.get("after", "") or "0"
    rows, next_after = _link_page(call, call.path_params["id"], target, after)
    return Answer(body={"results": rows} | _paging(next_after))


def batch_create(call: Call) -> Answer:
    """Link records in pairs, with the types that each pair names."""
    source, target = _object_types(call)
    results: list[JSON] = []
    for item in call.inputs(_MAX_INPUTS):
        record, other_record = (
            _find_end(call, source, item["from"]),
            _find_end(call, target, item["to"]),
        )
        link = _parse_link(call, item.get("types") or [])
        linking.link(call.portal, record, other_record, link, call.portal.clock.ms())
        results.append(_link_json(record, other_record, link))
    return Answer(status=201, body=batch_body(call.portal, results, [], call.started_at))


def batch_create_v3(call: Call) -> Answer:
    """Link records in pairs as the v3 API does; both directions are answered."""
    source, target = _object_types(call)
    results: list[JSON] = []
    for item in call.inputs(_MAX_INPUTS):
        record, other_record = (
            _find_end(call, source, item["from"]),
            _find_end(call, target, item["to"]),
        )
        linking.link(call.portal, record, other_record, Link(), call.portal.clock.ms())
        for from_record, to_record in ((other_record, record), (record, other_record)):
            association_type = (
                f"{from_record.object_type.singular}_to_{to_record.object_type.singular}"
            )
            results.append(
                {
                    "from": _ref_json(from_record),
                    "to": _ref_json(to_record),
                    "type": association_type,
                }
            )
    return Answer(status=201, body=batch_body(call.portal, results, [], call.started_at))


def batch_archive(call: Call) -> Answer:
    """Take links out."""
    source, target = _object_types(call)
    for item in call.inputs(_MAX_INPUTS):
        for target_ref in item.get("to") or []:
            linking.unlink(
                call.portal,
                _find_end(call, source, item["from"]),
                _find_end(call, target, target_ref),
            )
    return Answer(status=204)


def link_records(call: Call) -> Answer:
    """Link two records named in the path."""
    source, target = _object_types(call)
    record = _find_end(call, source, {"id": call.path_params["id"]})
    other_record = _find_end(call, target, {"id": call.path_params["to_id"]})
    types = call.request.body if isinstance(call.request.body, list) else []
    link = _parse_link(call, types)
    linking.link(call.portal, record, other_record, link, call.portal.clock.ms())
    if types:
        return Answer(status=201, body=_link_json(record, other_record, link))
    results = [
        _default_association(from_record, to_record)
        for from_record, to_record in ((record, other_record), (other_record, record))
    ]
    return Answer(body=batch_body(call.portal, results, [], call.started_at))


def unlink_records(call: Call) -> Answer:
    """Take the link between two records named in the path out."""
    source, target = _object_types(call)
    table, target_table = call.portal.tables[source.name], call.portal.tables[target.name]
    record, other_record = (
        table.find(call.path_params["id"]),
        target_table.find(call.path_params["to_id"]),
    )
    if record is not None and other_record is not None:
        linking.unlink(call.portal, record, other_record)
    return Answer(status=204)


def link_new_record(call: Call, record: Record, associations: Iterable[JSON]) -> None:
    """Link a record that was just created to those that its creation names."""
    for association in associations:
        types = association.get("types") or []
        type_ids = [int(type_json["associationTypeId"]) for type_json in types]
        type_pairs = (
            type_pair for type_pair, known_ids in TYPE_IDS.items() if set(type_ids) & set(known_ids)
        )
        target = next(
            (to_type for from_type, to_type in type_pairs if from_type == record.object_type.name),
            "",
        )
        if target:
            other_record = _find_end(call, call.portal.resolve_type(target), association["to"])
            linking.link(
                call.portal, record, other_record, _parse_link(call, types), call.portal.clock.ms()
            )


def embedded_associations(call: Call, record: Record, targets: Iterable[str]) -> JSON:
    """Write the associations that stand inside a list or a single record."""
    embedded: JSON = {}
    for name in targets:
        target = call.portal.resolve_type(name)
        linked_ids = _listed_ids(call, record, target)
        if linked_ids:
            embedded[target.name] = _embedded_page(call, record, target, linked_ids)
    return embedded


def _embedded_page(call: Call, record: Record, target: ObjectType, linked_ids: list[int]) -> JSON:
    links = call.portal.links.of(record.object_type.name, record.id, target.name)
    page_size = call.portal.switches.long_paging_of_associations
    association_type = f"{record.object_type.singular}_to_{target.singular}"
    has_labels = TYPE_IDS[record.object_type.name, target.name][1] is not None
    rows: list[JSON] = []
    for linked_id in islice(linked_ids, page_size):
        if links[linked_id].primary or not has_labels:
            rows.append({"id": str(linked_id), "type": association_type})
        if has_labels:
            rows.append({"id": str(linked_id), "type": f"{association_type}_unlabeled"})
    return {"results": rows} | _paging(
        str(linked_ids[page_size]) if len(linked_ids) > page_size else ""
    )


def _find_end(call: Call, object_type: ObjectType, ref: JSON) -> Record:
    record = call.portal.tables[object_type.name].find(str(ref.get("id", "")))
    if record is None:
        raise refusals.invalid(f"{ref.get('id')} is not a valid ID")
    return record


def _parse_link(call: Call, types: Iterable[Any]) -> Link:
    type_ids = [int(type_json["associationTypeId"]) for type_json in types]
    custom_ids = [
        type_id for type_id in type_ids if type_id not in _PRIMARY_TYPE_IDS | _UNLABELLED_TYPE_IDS
    ]
    labels = tuple(call.portal.links.label_of(type_id) for type_id in custom_ids)
    return Link(bool(_PRIMARY_TYPE_IDS & set(type_ids)), labels)


def _link_json(record: Record, other_record: Record, link: Link) -> JSON:
    return {
        "fromObjectTypeId": record.object_type.type_id,
        "fromObjectId": record.id,
        "toObjectTypeId": other_record.object_type.type_id,
        "toObjectId": other_record.id,
        "labels": list(link.labels),
    }


def _default_association(record: Record, other_record: Record) -> JSON:
    type_id = TYPE_IDS[record.object_type.name, other_record.object_type.name][0]
    association_spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
    return {
        "from": _ref_json(record),
        "to": _ref_json(other_record),
        "associationSpec": association_spec,
    }


def _ref_json(record: Record) -> JSON:
    return {"id": str(record.id)}
