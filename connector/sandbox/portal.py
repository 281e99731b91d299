"""A portal in a box as Python sees it: its records, definitions and habits, without HTTP."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Concatenate, Final, ParamSpec, TypedDict, TypeVar, Unpack

from connector.sandbox import calculated, flows, merges, writes
from connector.sandbox.associations import Link
from connector.sandbox.inside import Inside
from connector.sandbox.pipelines import Pipeline, stages
from connector.sandbox.properties import Definition, options
from connector.sandbox.record import Record, Source, Version, millis
from connector.sandbox.refusals import RefusedError
from connector.sandbox.schema import Owner
from connector.sandbox.writes import Origin, stamp_of

_P = ParamSpec("_P")
_T = TypeVar("_T")
_IMPORT: Final = Source("IMPORT", "", "IMPORT")
_PERSON: Final = Source("CRM_UI", "userId:28604240", "CRM_UI", 28604240)


class Bond(TypedDict, total=False):
    """How two records are linked, and when; without `at` it is now."""

    primary: bool
    labels: Iterable[str]
    at: datetime | None


def _locked(
    method: Callable[Concatenate[Portal, _P], _T],
) -> Callable[Concatenate[Portal, _P], _T]:
    """Let one thread at a time into the portal, and first do what its clock made due."""

    @functools.wraps(method)
    def wrapper(portal: Portal, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with portal.lock:
            portal.automations.run_due()
            return method(portal, *args, **kwargs)

    return wrapper


class Portal(Inside):
    """A portal in a box; every method may be called from any thread."""

    @_locked
    def create(
        self,
        object_type: str,
        properties: Mapping[str, Any],
        *,
        id: int | str | None = None,  # noqa: A002 -- HubSpot's own word for it
        **origin: Unpack[Origin],
    ) -> str:
        """Create a record as an import does, or as `source` says; return its id."""
        kind = self.kind(object_type)
        stamp = stamp_of(self, origin, otherwise=_IMPORT)
        record_id = self.tables[kind.name].next_id() if id is None else int(id)
        return str(self.add(kind, record_id, self.valid(kind, properties), stamp).id)

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
        values = self.valid(record.kind, properties)
        writes.write(self, record, values, stamp_of(self, origin, otherwise=_PERSON))

    @_locked
    def api_update(
        self,
        object_type: str,
        record_id: str,
        properties: Mapping[str, Any],
        **origin: Unpack[Origin],
    ) -> bool:
        """Change a record as the API does; tell whether a backward stage was ignored."""
        record = self.record(object_type, record_id)
        values = self.valid(record.kind, properties)
        if refusal := writes.backward_refusal(self, record, values):
            raise RefusedError(400, {"status": "error", "message": refusal})
        stamp = stamp_of(self, origin, otherwise=self.api_source())
        return writes.write_forward(self, record, values, stamp)

    @_locked
    def associate(
        self,
        from_type: str,
        from_id: str,
        to_type: str,
        to_id: str,
        **bond: Unpack[Bond],
    ) -> None:
        """Link two records; with `primary` the company becomes the other's primary one."""
        one, other = self.record(from_type, from_id), self.record(to_type, to_id)
        link = Link(bond.get("primary", False), tuple(bond.get("labels", ())))
        at = bond.get("at")
        self.link(one, other, link, self.clock.ms() if at is None else millis(at))

    @_locked
    def dissociate(self, from_type: str, from_id: str, to_type: str, to_id: str) -> None:
        """Take the link between two records out."""
        self.unlink(self.record(from_type, from_id), self.record(to_type, to_id))

    @_locked
    def archive(self, object_type: str, record_id: str) -> None:
        """Put a record into the recycling bin."""
        record = self.record(object_type, record_id)
        record.archived_at = self.clock.ms()
        self.tables[record.kind.name].index.drop(record.id)
        self.bump_linked(record)
        self.tell(record, "deletion")

    @_locked
    def restore(self, object_type: str, record_id: str) -> None:
        """Take a record out of the recycling bin."""
        table = self.tables[self.kind(object_type).name]
        record = _present(table.find(str(record_id), archived=True), object_type, record_id)
        record.archived_at = None
        record.modified = max(record.modified + 1, self.clock.ms())
        self.touch(record)
        self.bump_linked(record)
        self.tell(record, "restore")

    @_locked
    def merge(self, object_type: str, primary_id: str, other_id: str) -> str:
        """Merge the other record into the primary one; return the id that survives."""
        primary, other = self.record(object_type, primary_id), self.record(object_type, other_id)
        old = [primary.id, other.id]
        survivor = merges.merge(self, self.tables[primary.kind.name], primary, other)
        self.tell(survivor, "merge", primaryObjectId=old[0], mergedObjectIds=old)
        return str(survivor.id)

    @_locked
    def delete_for_privacy(self, contact_id: str) -> None:
        """Delete a contact for good."""
        contact = self.tables["contacts"].find(str(contact_id)) or self.tables["contacts"].find(
            str(contact_id), archived=True
        )
        record = _present(contact, "contacts", contact_id)
        for target, linked, _ in list(self.links.neighbours("contacts", record.id)):
            self.unlink(record, self.tables[target].records[linked])
        self.tables["contacts"].remove(record.id)
        self.tell(record, "privacyDeletion")
        self.tell(record, "deletion")

    @_locked
    def value(self, object_type: str, record_id: str, name: str) -> str:
        """Return the true value of a property, "" for blank."""
        return self.read(self.record(object_type, record_id), name)

    @_locked
    def record(self, object_type: str, record_id: str) -> Record:
        """Return a live record, following merges; raise KeyError without one."""
        found = self.tables[self.kind(object_type).name].find(str(record_id))
        return _present(found, object_type, record_id)

    @_locked
    def records(self, object_type: str) -> list[Record]:
        """Return all live records of a kind, in the order of their ids."""
        return list(self.tables[self.kind(object_type).name].walk(0, archived=False))

    @_locked
    def history(self, object_type: str, record_id: str, name: str) -> list[Version]:
        """Return all versions of a property, oldest first."""
        return calculated.history(self, self.record(object_type, record_id), name)

    @_locked
    def define_property(self, object_type: str, name: str, /, **more: Any) -> None:
        """Add a property of the portal's own: `label`, `type`, `field_type`, `options` and more."""
        more["options"] = options(more.get("options", ()))
        kind = self.kind(object_type)
        group = more.pop("group", f"{kind.singular}information")
        definition = Definition(
            name=name, label=more.pop("label", name), group=group, created=self.clock.ms(), **more
        )
        self.schema.define(kind, definition)

    @_locked
    def add_workflow(
        self,
        name: str,
        criteria: Mapping[str, Any],
        *,
        object_type: str = "contacts",
        enabled: bool = True,
    ) -> str:
        """Add a workflow that enrols by these criteria (see `flows`); it does nothing."""
        number, type_id = 71_000 + len(self.flows), self.kind(object_type).type_id
        self.flows.append(flows.flow(number, name, type_id, dict(criteria), enabled=enabled))
        return str(number)

    @_locked
    def set_options(self, object_type: str, name: str, chosen: Iterable[Any]) -> None:
        """Replace the options of a property: values, (value, label) pairs, or HubSpot's JSON."""
        self.schema.set_options(self.kind(object_type), name, chosen)

    @_locked
    def set_stages(
        self,
        chosen: Iterable[tuple[str, str]],
        *,
        object_types: Iterable[str] = ("contacts", "companies"),
    ) -> None:
        """Replace the lifecycle stages, (id, label) in their order."""
        self.schema.set_stages(chosen, object_types)

    @_locked
    def add_pipeline(self, pipeline_id: str, label: str, chosen: Iterable[tuple[Any, ...]]) -> None:
        """Add or replace a deal pipeline of (id, label, is_closed, probability) stages."""
        line = Pipeline(pipeline_id, label, stages(chosen), self.clock.ms())
        self.schema.add_pipeline(line)

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


def _present(record: Record | None, object_type: str, record_id: str) -> Record:
    if record is None:
        raise KeyError(f"{object_type}/{record_id}")
    return record
