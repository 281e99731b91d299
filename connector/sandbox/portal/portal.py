"""A portal as a Python object: create, edit, link, archive and merge records, without HTTP."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Concatenate, Final, ParamSpec, TypedDict, TypeVar, Unpack

from connector.sandbox.portal import calculated, linking, merges, workflows, writes
from connector.sandbox.portal.associations import Link
from connector.sandbox.portal.automations import Automations
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.definitions import Owner
from connector.sandbox.portal.pipelines import Pipeline, parse_stages
from connector.sandbox.portal.properties import Definition, parse_options
from connector.sandbox.portal.record import Record, Source, Version, millis
from connector.sandbox.portal.refusals import RefusedError
from connector.sandbox.portal.state import PortalState
from connector.sandbox.portal.writes import Origin, make_stamp

_P = ParamSpec("_P")
_T = TypeVar("_T")
_IMPORT_SOURCE: Final = Source("IMPORT", "", "IMPORT")
_PERSON_SOURCE: Final = Source("CRM_UI", "userId:28604240", "CRM_UI", 28604240)


class LinkOptions(TypedDict, total=False):
    """How two records are linked, and when; without `at` it is now."""

    primary: bool
    labels: Iterable[str]
    at: datetime | None


def _locked(
    method: Callable[Concatenate[Portal, _P], _T],
) -> Callable[Concatenate[Portal, _P], _T]:
    """Hold the portal's lock during a method, and first run the automations that are due."""

    @functools.wraps(method)
    def wrapper(portal: Portal, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with portal.lock:
            portal.automations.run_due()
            return method(portal, *args, **kwargs)

    return wrapper


class Portal(PortalState):
    """A portal with people, imports and automations; every method may be called from any thread."""

    def __init__(
        self,
        portal_id: int = 147893286,
        time_zone: str = "Europe/Oslo",
        clock: Clock | None = None,
        *,
        currency: str = "NOK",
    ) -> None:
        super().__init__(portal_id, time_zone, clock, currency=currency)
        self.automations = Automations(self)
        self.reactions.append(self.automations)

    @_locked
    def create(
        self,
        object_type: str,
        properties: Mapping[str, Any],
        *,
        id: int | str | None = None,  # noqa: A002 -- HubSpot's own word for it
        **origin: Unpack[Origin],
    ) -> str:
        """Create a record as an import does, or as another `source`; return its id."""
        resolved_type = self.resolve_type(object_type)
        stamp = make_stamp(self, origin, default=_IMPORT_SOURCE)
        record_id = self.tables[resolved_type.name].next_id() if id is None else int(id)
        return str(
            writes.add_record(
                self,
                resolved_type,
                record_id,
                writes.validate(self, resolved_type, properties),
                stamp,
            ).id
        )

    @_locked
    def edit(
        self,
        object_type: str,
        record_id: str,
        properties: Mapping[str, Any],
        **origin: Unpack[Origin],
    ) -> None:
        """Change a record as a person in the UI does: in any direction."""
        record = self.record(object_type, record_id)
        values = writes.validate(self, record.object_type, properties)
        writes.write(self, record, values, make_stamp(self, origin, default=_PERSON_SOURCE))

    @_locked
    def api_update(
        self,
        object_type: str,
        record_id: str,
        properties: Mapping[str, Any],
        **origin: Unpack[Origin],
    ) -> bool:
        """Change a record as the API does; return whether a backward stage was ignored."""
        record = self.record(object_type, record_id)
        values = writes.validate(self, record.object_type, properties)
        if refusal := writes.backward_refusal(self, record, values):
            raise RefusedError(400, {"status": "error", "message": refusal})
        stamp = make_stamp(self, origin, default=self.api_source())
        return writes.write_as_api(self, record, values, stamp)

    @_locked
    def associate(
        self,
        from_type: str,
        from_id: str,
        to_type: str,
        to_id: str,
        **link_options: Unpack[LinkOptions],
    ) -> None:
        """Link two records; with `primary` the company becomes the primary one."""
        record, other_record = self.record(from_type, from_id), self.record(to_type, to_id)
        link = Link(link_options.get("primary", False), tuple(link_options.get("labels", ())))
        at = link_options.get("at")
        linking.link(
            self, record, other_record, link, self.clock.ms() if at is None else millis(at)
        )

    @_locked
    def dissociate(self, from_type: str, from_id: str, to_type: str, to_id: str) -> None:
        """Take the link between two records out."""
        linking.unlink(self, self.record(from_type, from_id), self.record(to_type, to_id))

    @_locked
    def archive(self, object_type: str, record_id: str) -> None:
        """Put a record into the recycling bin."""
        record = self.record(object_type, record_id)
        record.archived_at = self.clock.ms()
        self.tables[record.object_type.name].index.drop(record.id)
        linking.bump_linked_modified(self, record)
        self.send_event(record, "deletion")

    @_locked
    def restore(self, object_type: str, record_id: str) -> None:
        """Take a record out of the recycling bin."""
        table = self.tables[self.resolve_type(object_type).name]
        record = _require_record(table.find(str(record_id), archived=True), object_type, record_id)
        record.archived_at = None
        record.modified = max(record.modified + 1, self.clock.ms())
        self.touch(record)
        linking.bump_linked_modified(self, record)
        self.send_event(record, "restore")

    @_locked
    def merge(self, object_type: str, primary_id: str, secondary_id: str) -> str:
        """Merge the secondary record into the primary one; return the id of the survivor."""
        primary, secondary = (
            self.record(object_type, primary_id),
            self.record(object_type, secondary_id),
        )
        old_ids = [primary.id, secondary.id]
        survivor = merges.merge(self, self.tables[primary.object_type.name], primary, secondary)
        self.send_event(survivor, "merge", primaryObjectId=old_ids[0], mergedObjectIds=old_ids)
        return str(survivor.id)

    @_locked
    def delete_for_privacy(self, contact_id: str) -> None:
        """Delete a contact for good."""
        contact = self.tables["contacts"].find(str(contact_id)) or self.tables["contacts"].find(
            str(contact_id), archived=True
        )
        record = _require_record(contact, "contacts", contact_id)
        for target, linked_id, _ in list(self.links.linked_records("contacts", record.id)):
            linking.unlink(self, record, self.tables[target].records[linked_id])
        self.tables["contacts"].remove(record.id)
        self.send_event(record, "privacyDeletion")
        self.send_event(record, "deletion")

    @_locked
    def value(self, object_type: str, record_id: str, name: str) -> str:
        """Return the true value of a property, "" for blank."""
        return calculated.read(self, self.record(object_type, record_id), name)

    @_locked
    def record(self, object_type: str, record_id: str) -> Record:
        """Return a live record, following merges; raise KeyError without one."""
        record = self.tables[self.resolve_type(object_type).name].find(str(record_id))
        return _require_record(record, object_type, record_id)

    @_locked
    def records(self, object_type: str) -> list[Record]:
        """Return all live records of a type, in the order of their ids."""
        return list(self.tables[self.resolve_type(object_type).name].walk(0, archived=False))

    @_locked
    def history(self, object_type: str, record_id: str, name: str) -> list[Version]:
        """Return all versions of a property, oldest first."""
        return calculated.history(self, self.record(object_type, record_id), name)

    @_locked
    def define_property(self, object_type: str, name: str, /, **fields: Any) -> None:
        """Add a property of the portal's own: `label`, `type`, `field_type`, `options` and more."""
        fields["options"] = parse_options(fields.get("options", ()))
        resolved_type = self.resolve_type(object_type)
        group = fields.pop("group", f"{resolved_type.singular}information")
        definition = Definition(
            name=name,
            label=fields.pop("label", name),
            group=group,
            created=self.clock.ms(),
            **fields,
        )
        self.schema.define(resolved_type, definition)

    @_locked
    def add_workflow(
        self,
        name: str,
        criteria: Mapping[str, Any],
        *,
        object_type: str = "contacts",
        enabled: bool = True,
        sets: Mapping[str, str | None] | None = None,
    ) -> str:
        """Add a workflow with these enrolment criteria (`portal/workflows.py`).

        Its actions set the values of `sets`, None for that of another property; they are listed,
        and not carried out.
        """
        number, type_id = 71_000 + len(self.workflows), self.resolve_type(object_type).type_id
        workflow = workflows.workflow_json(number, name, type_id, dict(criteria), enabled=enabled)
        workflow["actions"] = [
            workflows.set_property_action(number, property_name, value)
            for number, (property_name, value) in enumerate((sets or {}).items(), 1)
        ]
        self.workflows.append(workflow)
        return str(number)

    @_locked
    def clear_and_set(
        self, object_type: str, record_id: str, stage: str, *, minutes: float = 5.0
    ) -> None:
        """Let a workflow clear a stage now, and set another one after some minutes."""
        self.automations.clear_and_set(self.record(object_type, record_id), stage, minutes)

    @_locked
    def keep_stage(self, object_type: str, record_id: str, stage: str) -> None:
        """Let a workflow set a stage now, and again after every change by anybody else."""
        self.automations.keep_stage(self.record(object_type, record_id), stage)

    @_locked
    def set_options(self, object_type: str, name: str, option_rows: Iterable[Any]) -> None:
        """Replace the options of a property: values, (value, label) pairs, or HubSpot's JSON."""
        self.schema.set_options(self.resolve_type(object_type), name, option_rows)

    @_locked
    def set_stages(
        self,
        stage_rows: Iterable[tuple[str, str]],
        *,
        object_types: Iterable[str] = ("contacts", "companies"),
    ) -> None:
        """Replace the lifecycle stages, (id, label) in their order."""
        self.schema.set_stages(stage_rows, object_types)

    @_locked
    def add_pipeline(
        self, pipeline_id: str, label: str, stage_rows: Iterable[tuple[Any, ...]]
    ) -> None:
        """Add or replace a deal pipeline of (id, label, is_closed, probability) stages."""
        pipeline = Pipeline(pipeline_id, label, parse_stages(stage_rows), self.clock.ms())
        self.schema.add_pipeline(pipeline)

    @_locked
    def add_lead_pipeline(
        self, pipeline_id: str, label: str, stage_rows: Iterable[tuple[str, str]]
    ) -> None:
        """Add or replace a pipeline of leads, of (id, label) stages."""
        pipeline = Pipeline(pipeline_id, label, parse_stages(stage_rows), self.clock.ms())
        self.schema.add_lead_pipeline(pipeline)

    @_locked
    def add_owner(self, email: str, first_name: str, last_name: str) -> str:
        """Add an owner; return its id."""
        number = 76_000_001 + len(self.schema.owners)
        owner = Owner(
            id=str(number),
            email=email,
            first_name=first_name,
            last_name=last_name,
            user_id=number - 9_000_000,
        )
        self.schema.owners.append(owner)
        return owner.id


def _require_record(record: Record | None, object_type: str, record_id: str) -> Record:
    if record is None:
        raise KeyError(f"{object_type}/{record_id}")
    return record
