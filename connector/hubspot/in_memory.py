"""A portal in memory behind the same door: for tests of whoever asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.core.model import (
    STAGE,
    Account,
    Association,
    ObjectType,
    Portal,
    Record,
    Ref,
    Version,
    Workflow,
)
from connector.hubspot.budget import Allowance
from connector.hubspot.codec.records import MODIFIED
from connector.hubspot.door import SEARCH_LIMIT, Page, Refusal, UpdateAnswer
from connector.hubspot.faults import BatchRefused
from connector.hubspot.in_memory_tasks import MemoryTasks

LIST_LIMIT = 100


@dataclass(slots=True)
class MemoryDoor(MemoryTasks):
    """Answers as HubSpot does: stages move forward only, and a backward write does nothing.

    `requests` counts what was asked, by the name of the method. Time stands still until
    `advance`; every write happens at the present moment. `follows_merges` is about batch reads.
    """

    what: Portal
    moment: datetime
    follows_merges: bool = True
    _records: dict[Ref, Record] = field(default_factory=dict)
    _links: dict[tuple[Ref, ObjectType], dict[Ref, Association]] = field(default_factory=dict)
    _survivors: dict[Ref, Ref] = field(default_factory=dict)

    # As people, imports and tests see it

    def advance(self, seconds: float) -> None:
        """Move the portal's clock on."""
        self.moment += timedelta(seconds=seconds)

    def put(
        self,
        ref: Ref,
        properties: Mapping[str, str],
        *,
        source_type: str = "CRM_UI",
        source_id: str = "userId:1",
    ) -> None:
        """Create or edit a record as a person does: in any direction."""
        present = self._records.get(ref) or Record(
            ref=ref, properties={}, modified_at=self.moment, created_at=self.moment
        )
        history = dict(present.history)
        for name, value in properties.items():
            if value != (present.properties.get(name) or ""):
                version = Version(
                    value=value, at=self.moment, source_type=source_type, source_id=source_id
                )
                history[name] = (version, *history.get(name, ()))
        self._records[ref] = replace(
            present,
            properties={**present.properties, **properties},
            history=history,
            modified_at=self.moment if history != present.history else present.modified_at,
        )

    def value(self, ref: Ref, name: str) -> str:
        """Return what the portal holds, "" for blank."""
        return self._records[ref].properties.get(name) or ""

    def associate(
        self, one: Ref, other: Ref, *, is_primary: bool = False, labels: Sequence[str] = ()
    ) -> None:
        """Link two records, in both directions."""
        for source, target in ((one, other), (other, one)):
            self._links.setdefault((source, target.object_type), {})[target] = Association(
                source=source, target=target, is_primary=is_primary, labels=frozenset(labels)
            )

    def archive(self, ref: Ref) -> None:
        """Delete a record as the portal does: searches and reads do not find it any more."""
        self._records[ref] = replace(self._records[ref], archived=True)

    def merge(self, survivor: Ref, other: Ref) -> None:
        """Merge a record into another: its id then answers with the survivor."""
        old = self._records.pop(other)
        for gone in (other, *(each for each, kept in self._survivors.items() if kept == other)):
            self._survivors[gone] = survivor
        present = self._records[survivor]
        self._records[survivor] = replace(
            present,
            merged_ids=(*present.merged_ids, *old.merged_ids, other.id),
            modified_at=self.moment,
        )

    def delete(self, ref: Ref) -> None:
        """Delete a record for good."""
        del self._records[ref]

    def restore(self, ref: Ref) -> None:
        """Take a record out of the recycling bin."""
        self._records[ref] = replace(self._records[ref], archived=False, modified_at=self.moment)

    # The door

    def now(self) -> datetime:
        """Return the portal's time."""
        return self.moment

    def allowance(self) -> Allowance:
        """Return a usual burst limit, and no daily one."""
        return Allowance(burst=190)

    def admit(self) -> None:
        """Let everything through."""

    def account(self) -> Account:
        """Return whom the token belongs to."""
        self._begin("account")
        return self.what.account

    def portal(self) -> Portal:
        """Return what the portal is."""
        self._begin("portal")
        return self.what

    def workflows(self) -> tuple[Workflow, ...]:
        """Return no workflows."""
        return ()

    def changed(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after_id: str = "",
    ) -> Page:
        """Search what was last modified in a window."""
        self._begin("changed")
        found = [
            one
            for one in self._living(object_type)
            if since <= one.modified_at <= until and int(one.ref.id) > int(after_id or 0)
        ]
        found.sort(key=lambda one: (not after_id and one.modified_at, int(one.ref.id)))
        shown = tuple(self._show(one, properties) for one in found[:SEARCH_LIMIT])
        return Page(records=shown, total=len(found))

    def last(self, object_type: ObjectType) -> Page:
        """Search the record with the greatest id."""
        self._begin("last")
        found = sorted(self._living(object_type), key=lambda one: one.ref)
        return Page(records=tuple(self._show(one, ()) for one in found[-1:]), total=len(found))

    def page(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        after: str | None = None,
        archived: bool = False,
    ) -> Page:
        """List at most 100 records."""
        self._begin("page")
        found = sorted(self._living(object_type, archived=archived), key=lambda one: one.ref)
        rest = [one for one in found if int(one.ref.id) >= int(after or 0)]
        following = rest[LIST_LIMIT].ref.id if len(rest) > LIST_LIMIT else None
        shown = tuple(self._show(one, properties) for one in rest[:LIST_LIMIT])
        return Page(records=shown, after=following)

    def read(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> dict[Ref, Record]:
        """Read records of one type by asked ref."""
        self._begin("read")
        survivors = self._survivors if self.follows_merges else {}
        found = {ref: self._records.get(survivors.get(ref, ref)) for ref in refs}
        return {
            ref: self._show(one, properties, history)
            for ref, one in found.items()
            if one and not one.archived
        }

    def archived(self, refs: Sequence[Ref]) -> frozenset[Ref]:
        """Return which records lie in the recycling bin."""
        self._begin("archived")
        binned = {ref for ref, one in self._records.items() if one.archived}
        return frozenset(binned.intersection(refs))

    def survivor(self, ref: Ref) -> Ref | None:
        """Return who answers to an id."""
        self._begin("survivor")
        found = self._records.get(self._survivors.get(ref, ref))
        return found.ref if found and not found.archived else None

    def associations(
        self, refs: Sequence[Ref], to: ObjectType
    ) -> dict[Ref, tuple[Association, ...]]:
        """Read the associations of records of one type."""
        self._begin("associations")
        return {ref: tuple(self._links.get((ref, to), {}).values()) for ref in refs}

    def update(self, changes: Mapping[Ref, Mapping[str, str]]) -> UpdateAnswer:
        """Write at most 100 records of one type; a backward stage is ignored without a word."""
        if not changes:
            return UpdateAnswer()
        late = self._begin("update")
        self._refuse_unknown(changes)
        missing = {ref for ref in changes if not (one := self._records.get(ref)) or one.archived}
        for ref in changes.keys() - missing:
            accepted = {
                name: value
                for name, value in changes[ref].items()
                if name != STAGE or self._may_move(ref, value)
            }
            self.put(ref, accepted, source_type="INTEGRATION", source_id="1")
        if late:
            raise late
        return UpdateAnswer(
            updated={
                ref: self._show(self._records[ref], tuple(changes[ref]))
                for ref in changes
                if ref not in missing
            },
            refused=dict.fromkeys(
                missing, Refusal(message="OBJECT_NOT_FOUND", category="OBJECT_NOT_FOUND")
            ),
        )

    def _living(self, object_type: ObjectType, *, archived: bool = False) -> Iterator[Record]:
        for ref, record in self._records.items():
            if ref.object_type is object_type and record.archived is archived:
                yield record

    def _show(
        self, record: Record, properties: Sequence[str], history: Sequence[str] = ()
    ) -> Record:
        told = {
            **record.properties,
            "hs_object_id": record.ref.id,
            MODIFIED[record.ref.object_type]: record.modified_at.isoformat(),
            "createdate": record.created_at.isoformat(),
        }
        values = {name: told.get(name) or None for name in properties}
        versions = {name: record.history.get(name, ()) for name in history}
        return replace(record, properties=values, history=versions)

    def _may_move(self, ref: Ref, stage: str) -> bool:
        order = [one.value for one in self.what.stages(ref.object_type)]
        present = self.value(ref, STAGE)
        if not stage or present not in order:
            return True
        return order.index(stage) >= order.index(present)

    def _refuse_unknown(self, changes: Mapping[Ref, Mapping[str, str]]) -> None:
        for ref, properties in changes.items():
            for name, value in properties.items():
                definition = self.what.definitions[ref.object_type].get(name)
                options = {one.value for one in definition.options} if definition else set()
                if not definition or (value and options and value not in options):
                    error = "INVALID_OPTION" if definition else "PROPERTY_DOESNT_EXIST"
                    raise BatchRefused(
                        f"HubSpot refused the batch update request ({error} {name})",
                        category="VALIDATION_ERROR",
                    )
