"""Requests that write records: updates, creations, archiving, merges, privacy deletion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from connector.sandbox.http import record_json
from connector.sandbox.http.associations import link_new_record
from connector.sandbox.http.call import JSON, Answer, Call
from connector.sandbox.http.reads import batch_answer, find_record
from connector.sandbox.http.record_json import created_record, updated_record
from connector.sandbox.portal import refusals, writes
from connector.sandbox.portal.object_types import COMPANIES, CONTACTS, ObjectType
from connector.sandbox.portal.record import Record
from connector.sandbox.portal.switches import RequiredRule
from connector.sandbox.portal.writes import STAGE, Stamp

_MAX_BATCH: Final = 100
_REQUIRED_PROPERTIES: Final = {"tasks": ("hs_timestamp",)}


def batch_update(call: Call) -> Answer:
    """Update up to a hundred records: all are refused, or each is written or named in an error."""
    # What refuses the whole request: invalid inputs or values, and rules of the portal.
    table = call.portal.tables[call.object_type.name]
    inputs = [_parse_input(call, item) for item in call.inputs(_MAX_BATCH)]
    _refuse_duplicate_ids(record_id for record_id, _ in inputs)
    checked_inputs = _check_inputs(call, inputs)
    _refuse_clears(call, (values for _, values in checked_inputs))
    records = {
        record_id: table.find(record_id, follow_merges=False) for record_id, _ in checked_inputs
    }
    _refuse_incomplete(call, checked_inputs, records)
    _refuse_backward(call, checked_inputs, records)
    # What is named in an error, while the other records are written.
    missing_ids = [record_id for record_id, record in records.items() if record is None]
    errors = (
        [refusals.not_found_entry(missing_ids, call.object_type.singular)] if missing_ids else []
    )
    results: list[JSON] = []
    for record_id, values in checked_inputs:
        record = records[record_id]
        refusal = writes.backward_refusal(call.portal, record, values) if record else ""
        if refusal:
            errors.append(refusals.refused_record_entry(record_id, refusal))
        elif record is not None:
            results.append(_write_record(call, record, values))
    if call.portal.switches.batch_order == "reversed":
        results.reverse()
    return batch_answer(call, results, errors)


def _parse_input(call: Call, item: JSON) -> tuple[str, Mapping[str, Any]]:
    if "id" not in item:
        location = "Invalid input JSON on line 1, column 14."
        raise refusals.invalid(f"{location} Some required fields were not set: [id]")
    id_property = item.get("idProperty")
    if id_property == "hs_object_id":
        type_id = call.object_type.type_id
        message = f"Unable to perform update/upsert by non-unique {type_id} property hs_object_id"
        raise refusals.invalid(message)
    if id_property == "email":
        record = call.portal.tables[call.object_type.name].find_by_email(str(item["id"]))
        return (str(record.id) if record is not None else str(item["id"])), item["properties"]
    return str(item["id"]), item.get("properties") or {}


def _refuse_duplicate_ids(ids: Iterable[str]) -> None:
    duplicate_ids = [record_id for record_id, times in Counter(ids).items() if times > 1]
    if duplicate_ids:
        raise refusals.duplicate_ids(duplicate_ids)


def _check_inputs(
    call: Call, inputs: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[tuple[str, dict[str, str]]]:
    checked_inputs: list[tuple[str, dict[str, str]]] = []
    problems: list[JSON] = []
    for record_id, properties in inputs:
        values, input_problems = writes.check_values(
            call.portal, call.object_type, properties, api=True
        )
        checked_inputs.append((record_id, values))
        problems += input_problems
    if problems:
        raise refusals.invalid_values(problems)
    return checked_inputs


def _refuse_clears(call: Call, value_sets: Iterable[Mapping[str, str]]) -> None:
    """Refuse to clear a required stage, where the portal has such a rule."""
    switches = call.portal.switches
    validates = switches.write_validation_2026_09 and call.family == "2026-09"
    if not (switches.clear_refused or validates):
        return
    if any(values.get(STAGE) == "" for values in value_sets):
        message = f'Property "{STAGE}" is required and cannot be cleared'
        raise refusals.invalid_values([refusals.value_problem(STAGE, "REQUIRED_PROPERTY", message)])


def _refuse_incomplete(
    call: Call,
    checked_inputs: Iterable[tuple[str, Mapping[str, str]]],
    records: Mapping[str, Record | None],
) -> None:
    """Refuse the whole request where one write breaks a rule of `required_rules`."""
    rules = [
        rule
        for rule in call.portal.switches.required_rules
        if rule.object_type == call.object_type.name
    ]
    for record_id, values in checked_inputs if rules else ():
        record = records[record_id]
        for rule in rules:
            if record is not None and _breaks_rule(rule, record, values):
                raise refusals.required_property(rule.property_name, rule.requires)


def _breaks_rule(rule: RequiredRule, record: Record, values: Mapping[str, str]) -> bool:
    if rule.property_name not in values:
        return False
    new_value = values[rule.property_name]
    applies = bool(new_value) if rule.value == "*" else new_value == rule.value
    return applies and not values.get(rule.requires, record.values.get(rule.requires, ""))


def _refuse_backward(
    call: Call,
    checked_inputs: Iterable[tuple[str, Mapping[str, str]]],
    records: Mapping[str, Record | None],
) -> None:
    if call.portal.switches.backward_error_scope != "batch":
        return
    for record_id, values in checked_inputs:
        record = records[record_id]
        if record and (refusal := writes.backward_refusal(call.portal, record, values)):
            raise refusals.invalid_values([refusals.value_problem(STAGE, "INVALID_STAGE", refusal)])


def _write_record(call: Call, record: Record, values: Mapping[str, str]) -> JSON:
    portal = call.portal
    if not call.persist:
        return updated_record(portal, record, values)
    portal.keep_stale_copy(record)
    stamp = Stamp(portal.clock.ms(), portal.api_source())
    ignored = writes.write_as_api(portal, record, values, stamp)
    if not ignored:
        return updated_record(portal, record, values)
    old = record.values.get(STAGE, "")
    shown_stage = old if portal.switches.backward_echo == "old" else values[STAGE]
    answer = updated_record(portal, record, {**values, STAGE: shown_stage})
    if portal.switches.backward_warning and call.family != "2026-09":
        answer["warnings"] = [_ignored_stage_warning()]
    return answer


def _ignored_stage_warning() -> JSON:
    message = f"{STAGE} was not changed: it can only be moved forward"
    return {"category": "PROPERTY_NOT_UPDATED", "message": message, "context": {"name": [STAGE]}}


def update_record(call: Call) -> Answer:
    """Update one record; a merged id answers with another one."""
    record = find_record(call, call.path_params["id"], call.request.params.get("idProperty", ""))
    if record is None:
        raise refusals.resource_not_found()
    properties = call.body.get("properties") or {}
    values = writes.validate(call.portal, call.object_type, properties, api=True)
    _refuse_clears(call, [values])
    _refuse_incomplete(call, [("", values)], {"": record})
    if refusal := writes.backward_refusal(call.portal, record, values):
        raise refusals.invalid_values([refusals.value_problem(STAGE, "INVALID_STAGE", refusal)])
    return Answer(body=_write_record(call, record, values))


def create_record(call: Call) -> Answer:
    """Create one record."""
    values = writes.validate(
        call.portal, call.object_type, call.body.get("properties") or {}, api=True
    )
    missing = [
        name for name in _REQUIRED_PROPERTIES.get(call.object_type.name, ()) if not values.get(name)
    ]
    if missing:
        raise refusals.invalid(f"Some required properties were not set: [{', '.join(missing)}]")
    existing = _find_existing(call, values)
    if existing is not None:
        raise refusals.email_conflict(str(existing.id))
    record = _create_record(call, values)
    link_new_record(call, record, call.body.get("associations") or [])
    return Answer(status=201, body=created_record(call.portal, record))


def _find_existing(call: Call, values: Mapping[str, str]) -> Record | None:
    email = values.get("email", "") if call.object_type is CONTACTS else ""
    return call.portal.tables["contacts"].find_by_email(email) if email else None


def _create_record(call: Call, values: dict[str, str]) -> Record:
    portal, object_type = call.portal, call.object_type
    if object_type in {CONTACTS, COMPANIES}:
        values.setdefault(STAGE, portal.switches.default_stage_on_create)
    if object_type is COMPANIES and values.get("domain"):
        values.setdefault("website", values["domain"])
    stamp = Stamp(portal.clock.ms(), portal.api_source())
    return writes.add_record(
        portal, object_type, portal.tables[object_type.name].next_id(), values, stamp
    )


def batch_create(call: Call) -> Answer:
    """Create up to a hundred records; the results come in another order than the inputs."""
    inputs = [item.get("properties") or {} for item in call.inputs(_MAX_BATCH)]
    checked_inputs = [
        values for _, values in _check_inputs(call, [("", properties) for properties in inputs])
    ]
    for values in checked_inputs:
        existing = _find_existing(call, values)
        if existing is not None:  # only the first is named
            raise refusals.email_conflict(str(existing.id))
    records = [_create_record(call, values) for values in checked_inputs]
    results = [created_record(call.portal, record) for record in reversed(records)]
    return batch_answer(call, results, [], success_status=201)


def archive_record(call: Call) -> Answer:
    """Archive a record; an unknown id is answered alike."""
    _archive_record(call, call.path_params["id"])
    return Answer(status=204)


def batch_archive(call: Call) -> Answer:
    """Archive up to a hundred records."""
    for item in call.inputs(_MAX_BATCH):
        _archive_record(call, str(item.get("id", "")))
    return Answer(status=204)


def _archive_record(call: Call, record_id: str) -> None:
    object_type: ObjectType = call.object_type
    if call.portal.tables[object_type.name].find(record_id) is not None:
        call.portal.archive(object_type.name, record_id)


def merge(call: Call) -> Answer:
    """Merge two records; the answer is the survivor."""
    names = ("primaryObjectId", "objectIdToMerge")
    first, second = (str(call.body.get(name, "")) for name in names)
    table = call.portal.tables[call.object_type.name]
    if first == second or table.find(first) is None or table.find(second) is None:
        raise refusals.invalid("Both records must exist, and differ, to be merged")
    survivor = call.portal.record(
        call.object_type.name, call.portal.merge(call.object_type.name, first, second)
    )
    return Answer(body=record_json.updated_record(call.portal, survivor, {}))


def delete_for_privacy(call: Call) -> Answer:
    """Delete a contact for good."""
    contact_id, table = str(call.body.get("objectId", "")), call.portal.tables[CONTACTS.name]
    if call.body.get("idProperty") == "email":
        contact = table.find_by_email(contact_id)
        contact_id = str(contact.id) if contact else ""
    if table.find(contact_id) or table.find(contact_id, archived=True):
        call.portal.delete_for_privacy(contact_id)
    return Answer(status=204)
