"""Requests that write records: updates, creations, archiving, merges, privacy deletion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from connector.sandbox import answers, refusals, writes
from connector.sandbox.answers import created, echo
from connector.sandbox.call import JSON, Answer, Call
from connector.sandbox.kinds import COMPANIES, CONTACTS, Kind
from connector.sandbox.links import link_new
from connector.sandbox.objects import answered, find
from connector.sandbox.record import Record
from connector.sandbox.writes import STAGE, Stamp

_BATCH: Final = 100
_REQUIRED: Final = {"tasks": ("hs_timestamp",)}


def batch_update(call: Call) -> Answer:
    """Update up to a hundred records: all are refused, or each is written or named."""
    table = call.portal.tables[call.kind.name]
    given = [_input(call, one) for one in call.inputs(_BATCH)]
    _refuse_twice(record_id for record_id, _ in given)
    checked = _all_valid(call, given)
    _refuse_clears(call, (values for _, values in checked))
    found = {record_id: table.find(record_id, merged=False) for record_id, _ in checked}
    _refuse_backward(call, checked, found)
    absent = [record_id for record_id, record in found.items() if record is None]
    errors = [refusals.not_found(absent, call.kind.singular)] if absent else []
    results: list[JSON] = []
    for record_id, values in checked:
        record = found[record_id]
        refusal = writes.backward_refusal(call.portal, record, values) if record else ""
        if refusal:
            errors.append(refusals.refused_record(record_id, refusal))
        elif record is not None:
            results.append(_write(call, record, values))
    if call.portal.switches.batch_order == "reversed":
        results.reverse()
    return answered(call, results, errors)


def _input(call: Call, one: JSON) -> tuple[str, Mapping[str, Any]]:
    if "id" not in one:
        column = "Invalid input JSON on line 1, column 14."
        raise refusals.invalid(f"{column} Some required fields were not set: [id]")
    id_property = one.get("idProperty")
    if id_property == "hs_object_id":
        type_id = call.kind.type_id
        message = f"Unable to perform update/upsert by non-unique {type_id} property hs_object_id"
        raise refusals.invalid(message)
    if id_property == "email":
        record = call.portal.tables[call.kind.name].with_email(str(one["id"]))
        return (str(record.id) if record is not None else str(one["id"])), one["properties"]
    return str(one["id"]), one.get("properties") or {}


def _refuse_twice(ids: Iterable[str]) -> None:
    twice = [record_id for record_id, times in Counter(ids).items() if times > 1]
    if twice:
        raise refusals.duplicates(twice)


def _all_valid(
    call: Call, given: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[tuple[str, dict[str, str]]]:
    checked: list[tuple[str, dict[str, str]]] = []
    problems: list[JSON] = []
    for record_id, properties in given:
        values, wrong = writes.checked(call.portal, call.kind, properties, api=True)
        checked.append((record_id, values))
        problems += wrong
    if problems:
        raise refusals.bad_values(problems)
    return checked


def _refuse_clears(call: Call, written: Iterable[Mapping[str, str]]) -> None:
    """Refuse to clear a required stage, where the portal has such a rule."""
    switches = call.portal.switches
    strict = switches.write_validation_2026_09 and call.family == "2026-09"
    if not (switches.clear_refused or strict):
        return
    if any(values.get(STAGE) == "" for values in written):
        message = f'Property "{STAGE}" is required and cannot be cleared'
        raise refusals.bad_values([refusals.problem(STAGE, "REQUIRED_PROPERTY", message)])


def _refuse_backward(
    call: Call,
    checked: Iterable[tuple[str, Mapping[str, str]]],
    found: Mapping[str, Record | None],
) -> None:
    if call.portal.switches.backward_error_scope != "batch":
        return
    for record_id, values in checked:
        record = found[record_id]
        if record and (refusal := writes.backward_refusal(call.portal, record, values)):
            raise refusals.bad_values([refusals.problem(STAGE, "INVALID_STAGE", refusal)])


def _write(call: Call, record: Record, values: Mapping[str, str]) -> JSON:
    portal = call.portal
    if not call.store:
        return echo(portal, record, values)
    portal.remember(record)
    stamp = Stamp(portal.clock.ms(), portal.api_source())
    ignored = writes.write_forward(portal, record, values, stamp)
    if not ignored:
        return echo(portal, record, values)
    old = record.values.get(STAGE, "")
    shown = old if portal.switches.backward_echo == "old" else values[STAGE]
    answer = echo(portal, record, {**values, STAGE: shown})
    if portal.switches.backward_warning and call.family != "2026-09":
        answer["warnings"] = [_warning()]
    return answer


def _warning() -> JSON:
    message = f"{STAGE} was not changed: it can only be moved forward"
    return {"category": "PROPERTY_NOT_UPDATED", "message": message, "context": {"name": [STAGE]}}


def update_one(call: Call) -> Answer:
    """Update one record; a merged id answers with another one."""
    record = find(call, call.names["id"], call.request.params.get("idProperty", ""))
    if record is None:
        raise refusals.missing()
    properties = call.body.get("properties") or {}
    values = call.portal.valid(call.kind, properties, api=True)
    _refuse_clears(call, [values])
    if refusal := writes.backward_refusal(call.portal, record, values):
        raise refusals.bad_values([refusals.problem(STAGE, "INVALID_STAGE", refusal)])
    return Answer(body=_write(call, record, values))


def create_one(call: Call) -> Answer:
    """Create one record."""
    values = call.portal.valid(call.kind, call.body.get("properties") or {}, api=True)
    missing = [name for name in _REQUIRED.get(call.kind.name, ()) if not values.get(name)]
    if missing:
        raise refusals.invalid(f"Some required properties were not set: [{', '.join(missing)}]")
    existing = _existing(call, values)
    if existing is not None:
        raise refusals.conflict(str(existing.id))
    record = _create(call, values)
    link_new(call, record, call.body.get("associations") or [])
    return Answer(status=201, body=created(call.portal, record))


def _existing(call: Call, values: Mapping[str, str]) -> Record | None:
    email = values.get("email", "") if call.kind is CONTACTS else ""
    return call.portal.tables["contacts"].with_email(email) if email else None


def _create(call: Call, values: dict[str, str]) -> Record:
    portal, kind = call.portal, call.kind
    if kind in {CONTACTS, COMPANIES}:
        values.setdefault(STAGE, portal.switches.default_stage_on_create)
    if kind is COMPANIES and values.get("domain"):
        values.setdefault("website", values["domain"])
    stamp = Stamp(portal.clock.ms(), portal.api_source())
    return portal.add(kind, portal.tables[kind.name].next_id(), values, stamp)


def batch_create(call: Call) -> Answer:
    """Create up to a hundred records; the results come in another order than the inputs."""
    inputs = [one.get("properties") or {} for one in call.inputs(_BATCH)]
    checked = [values for _, values in _all_valid(call, [("", one) for one in inputs])]
    for values in checked:
        existing = _existing(call, values)
        if existing is not None:  # only the first is named
            raise refusals.conflict(str(existing.id))
    records = [_create(call, values) for values in checked]
    shown = [created(call.portal, record) for record in reversed(records)]
    return answered(call, shown, [], good=201)


def archive_one(call: Call) -> Answer:
    """Archive a record; an id that nobody has is answered alike."""
    _archive(call, call.names["id"])
    return Answer(status=204)


def batch_archive(call: Call) -> Answer:
    """Archive up to a hundred records."""
    for one in call.inputs(_BATCH):
        _archive(call, str(one.get("id", "")))
    return Answer(status=204)


def _archive(call: Call, record_id: str) -> None:
    kind: Kind = call.kind
    if call.portal.tables[kind.name].find(record_id) is not None:
        call.portal.archive(kind.name, record_id)


def merge(call: Call) -> Answer:
    """Merge two records; the answer is the survivor."""
    names = ("primaryObjectId", "objectIdToMerge")
    first, second = (str(call.body.get(name, "")) for name in names)
    table = call.portal.tables[call.kind.name]
    if first == second or table.find(first) is None or table.find(second) is None:
        raise refusals.invalid("Both records must exist, and differ, to be merged")
    survivor = call.portal.record(call.kind.name, call.portal.merge(call.kind.name, first, second))
    return Answer(body=answers.echo(call.portal, survivor, {}))


def delete_for_privacy(call: Call) -> Answer:
    """Delete a contact for good."""
    contact_id, table = str(call.body.get("objectId", "")), call.portal.tables[CONTACTS.name]
    if call.body.get("idProperty") == "email":
        found = table.with_email(contact_id)
        contact_id = str(found.id) if found else ""
    if table.find(contact_id) or table.find(contact_id, archived=True):
        call.portal.delete_for_privacy(contact_id)
    return Answer(status=204)
