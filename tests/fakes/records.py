"""The records of a fake portal, as people, imports and tests change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.core.model import Association, ObjectType, Portal, Record, Ref, Version
from tests.fakes.tasks import FakeTasks


@dataclass(slots=True)
class FakeRecords(FakeTasks):
    """Records and their associations; every edit happens at the present moment.

    Time stands still until `advance`. `follows_merges` says whether batch reads of a merged
    id answer with its survivor. HubSpot does not serve the records of `unreadable` by their id,
    nor the associations of `unreadable_links`.
    """

    portal_info: Portal
    current_time: datetime
    follows_merges: bool = True
    may_read_leads: bool = True
    unreadable: set[Ref] = field(default_factory=set)
    unreadable_links: set[Ref] = field(default_factory=set)
    _records: dict[Ref, Record] = field(default_factory=dict)
    _links: dict[tuple[Ref, ObjectType], dict[Ref, Association]] = field(default_factory=dict)
    _survivors: dict[Ref, Ref] = field(default_factory=dict)

    def advance(self, seconds: float) -> None:
        """Move the portal's clock on."""
        self.current_time += timedelta(seconds=seconds)

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
            ref=ref, properties={}, modified_at=self.current_time, created_at=self.current_time
        )
        history = dict(present.history)
        for name, value in properties.items():
            if value != (present.properties.get(name) or ""):
                version = Version(
                    value=value, at=self.current_time, source_type=source_type, source_id=source_id
                )
                history[name] = (version, *history.get(name, ()))
        self._records[ref] = replace(
            present,
            properties={**present.properties, **properties},
            history=history,
            modified_at=self.current_time if history != present.history else present.modified_at,
        )

    def value(self, ref: Ref, name: str) -> str:
        """Return what the portal holds, "" for blank."""
        return self._records[ref].properties.get(name) or ""

    def associate(
        self, first: Ref, second: Ref, *, is_primary: bool = False, labels: Sequence[str] = ()
    ) -> None:
        """Link two records, in both directions."""
        for source, target in ((first, second), (second, first)):
            self._links.setdefault((source, target.object_type), {})[target] = Association(
                source=source, target=target, is_primary=is_primary, labels=frozenset(labels)
            )

    def archive(self, ref: Ref) -> None:
        """Delete a record as the portal does: searches and reads do not find it any more."""
        self._records[ref] = replace(self._records[ref], archived=True)

    def merge(self, survivor: Ref, merged: Ref) -> None:
        """Merge a record into another: its id then answers with the survivor."""
        merged_record = self._records.pop(merged)
        for old_id in (
            merged,
            *(ref for ref, target in self._survivors.items() if target == merged),
        ):
            self._survivors[old_id] = survivor
        present = self._records[survivor]
        self._records[survivor] = replace(
            present,
            merged_ids=(*present.merged_ids, *merged_record.merged_ids, merged.id),
            modified_at=self.current_time,
        )

    def delete(self, ref: Ref) -> None:
        """Delete a record for good."""
        del self._records[ref]

    def restore(self, ref: Ref) -> None:
        """Take a record out of the recycling bin."""
        self._records[ref] = replace(
            self._records[ref], archived=False, modified_at=self.current_time
        )
