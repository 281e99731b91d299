"""Find conflicts: who sets a property, how often, and who reverts another writer's value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from connector.core.history.writers import Source, is_by_person, source_of, source_text
from connector.core.model import Ref, Version

CONFLICT_WINDOW: Final = timedelta(days=7)
"""The time within which setting a value back counts as a conflict."""
# A clear and the set after it are one edit: HubSpot takes no backward move at once.
_SAME_EDIT_WINDOW: Final = timedelta(minutes=1)
_MAX_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True, order=True)
class Writer:
    """The writer of a value: HubSpot's source, with id and label where they add to it."""

    source_type: str
    source_id: str = ""
    label: str = ""

    @classmethod
    def from_version(cls, version: Version) -> Writer:
        """Return who set a version; the enrollments of a workflow are one writer.

        A person's label is left out, because it may be a name.
        """
        source_id = "" if version.source_id.startswith("enrollmentId") else version.source_id
        label = "" if is_by_person(version, imports=False) else version.source_label
        return cls(version.source_type, source_id, "" if label == version.source_type else label)

    @property
    def description(self) -> str:
        """Return the writer in words."""
        return source_text(self.source_type, self.label or self.source_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of a value by one writer, which may consist of several versions."""

    writer: Writer
    before: str
    after: str
    began_at: datetime
    at: datetime


@dataclass(slots=True)
class EditCount:
    """How often a writer sets a property, on how many records, and when last."""

    last_at: datetime
    edit_count: int = 0
    records: set[Ref] = field(default_factory=set)

    def add(self, ref: Ref, at: datetime) -> None:
        """Count one more edit."""
        self.edit_count += 1
        self.records.add(ref)
        self.last_at = max(self.last_at, at)

    @property
    def examples(self) -> tuple[Ref, ...]:
        """Return a few of the records."""
        return tuple(sorted(self.records)[:_MAX_EXAMPLES])


@dataclass(slots=True)
class WriterConflicts:
    """The writers of each property, and the pairs of writers that set back each other's values."""

    writers: dict[tuple[str, Writer], EditCount] = field(default_factory=dict)
    conflicts: dict[tuple[str, Writer, Writer], EditCount] = field(default_factory=dict)

    def add_versions(self, ref: Ref, name: str, versions: Sequence[Version]) -> None:
        """Count what the versions of one property of one record show, the oldest first."""
        record_edits = list(edits(versions))
        for edit in record_edits:
            self.writers.setdefault((name, edit.writer), EditCount(edit.at)).add(ref, edit.at)
        for edit, next_edit in pairwise(record_edits):
            if _sets_back(edit, next_edit):
                key = name, edit.writer, next_edit.writer
                self.conflicts.setdefault(key, EditCount(next_edit.at)).add(ref, next_edit.at)


def edits(versions: Sequence[Version]) -> Iterator[Edit]:
    """Yield the edits in versions, the oldest first."""
    previous_value, last_edit = "", None
    for version in versions:
        writer = Writer.from_version(version)
        if (
            last_edit
            and last_edit.writer == writer
            and not last_edit.after
            and version.at - last_edit.at <= _SAME_EDIT_WINDOW
        ):
            last_edit = Edit(
                writer=writer,
                before=last_edit.before,
                after=version.value,
                began_at=last_edit.began_at,
                at=version.at,
            )
        else:
            if last_edit:
                yield last_edit
            last_edit = Edit(
                writer=writer,
                before=previous_value,
                after=version.value,
                began_at=version.at,
                at=version.at,
            )
        previous_value = version.value
    if last_edit:
        yield last_edit


def _sets_back(edit: Edit, next_edit: Edit) -> bool:
    """Return whether an edit brings back the value that the edit before it had replaced."""
    return (
        next_edit.writer != edit.writer
        and next_edit.after == edit.before != edit.after
        and next_edit.began_at - edit.at <= CONFLICT_WINDOW
    )


def mark_own_versions(
    versions: Sequence[Version],
    own_writes: AbstractSet[tuple[str, datetime]],
    own_source: str,
    own_sources: Collection[Source] = (),
) -> tuple[Version, ...]:
    """Return versions with our own marked as ours: those in the audit, by value and end.

    A write is audited after it was verified: an integration's version within the ten minutes
    before a line with its value is ours; so is the clear that led to it. Where `own_sources`,
    the sources of our writes, are known, they decide: a clear whose set failed is in no audit.
    """
    return tuple(
        Version(value=version.value, at=version.at, source_type=own_source)
        if _is_own_write(version, own_writes, own_sources)
        else version
        for version in versions
    )


_VERIFIED_WITHIN: Final = timedelta(minutes=10)
# HubSpot's answers give its time to the second: a line may seem older than its version.
_CLOCK_TOLERANCE: Final = timedelta(seconds=2)
_TOKEN_SOURCES: Final = frozenset({"INTEGRATION", "INTEGRATIONS_PLATFORM", "API"})


def _is_own_write(
    version: Version,
    own_writes: AbstractSet[tuple[str, datetime]],
    own_sources: Collection[Source],
) -> bool:
    if own_sources and version.source_id:
        return source_of(version) in own_sources
    return version.source_type in _TOKEN_SOURCES and any(
        version.value in {value, ""} and -_CLOCK_TOLERANCE <= at - version.at <= _VERIFIED_WITHIN
        for value, at in own_writes
    )
