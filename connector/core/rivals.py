"""Rivals: who sets a property, how often, and who sets back what another one had set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from connector.core.holds import HoldTerms, by_person
from connector.core.model import Ref, Version
from connector.core.writers import called

WITHIN: Final = timedelta(days=7)
"""A value that is set back later than this is no quarrel any more."""
# A clear and the set after it are one edit: HubSpot takes no backward move at once.
_AT_ONCE: Final = timedelta(minutes=1)
_EXAMPLES: Final = 3
_PEOPLE: Final = HoldTerms(days=0, imports=False)


@dataclass(frozen=True, slots=True, order=True)
class Writer:
    """Who writes: a source as HubSpot names it, the id and the label where they tell more."""

    source_type: str
    source_id: str = ""
    label: str = ""

    @classmethod
    def of(cls, version: Version) -> Writer:
        """Return who set a version; the enrollments of a workflow are one writer.

        A label is kept only of what is no person: theirs may be a name.
        """
        number = "" if version.source_id.startswith("enrollmentId") else version.source_id
        label = "" if by_person(version, _PEOPLE) else version.source_label
        return cls(version.source_type, number, "" if label == version.source_type else label)

    @property
    def who(self) -> str:
        """Return the writer in words."""
        return called(self.source_type, self.label or self.source_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What one writer made of a value at once, however many versions it took."""

    writer: Writer
    before: str
    after: str
    began_at: datetime
    at: datetime


@dataclass(slots=True)
class Habit:
    """How often a writer sets a property, on how many records, and when last."""

    last_at: datetime
    times: int = 0
    records: set[Ref] = field(default_factory=set)

    def note(self, ref: Ref, at: datetime) -> None:
        """Count one more edit."""
        self.times += 1
        self.records.add(ref)
        self.last_at = max(self.last_at, at)

    @property
    def examples(self) -> tuple[Ref, ...]:
        """Return a few of the records."""
        return tuple(sorted(self.records)[:_EXAMPLES])


@dataclass(slots=True)
class Rivals:
    """Writers by property; and by property, who set, and who set it back within a week."""

    writers: dict[tuple[str, Writer], Habit] = field(default_factory=dict)
    fights: dict[tuple[str, Writer, Writer], Habit] = field(default_factory=dict)

    def note(self, ref: Ref, name: str, versions: Sequence[Version]) -> None:
        """Count what the versions of one property of one record tell, the oldest first."""
        found = list(edits(versions))
        for one in found:
            self.writers.setdefault((name, one.writer), Habit(one.at)).note(ref, one.at)
        for one, other in pairwise(found):
            if _sets_back(one, other):
                key = name, one.writer, other.writer
                self.fights.setdefault(key, Habit(other.at)).note(ref, other.at)


def edits(versions: Sequence[Version]) -> Iterator[Edit]:
    """Yield the edits that versions tell of, the oldest first."""
    value, last = "", None
    for one in versions:
        writer = Writer.of(one)
        if last and last.writer == writer and not last.after and one.at - last.at <= _AT_ONCE:
            last = Edit(
                writer=writer,
                before=last.before,
                after=one.value,
                began_at=last.began_at,
                at=one.at,
            )
        else:
            if last:
                yield last
            last = Edit(writer=writer, before=value, after=one.value, began_at=one.at, at=one.at)
        value = one.value
    if last:
        yield last


def _sets_back(one: Edit, other: Edit) -> bool:
    """Whether an edit brings back the value that the edit before it had replaced."""
    return (
        other.writer != one.writer
        and other.after == one.before != one.after
        and other.began_at - one.at <= WITHIN
    )


def signed(
    versions: Sequence[Version], ours: AbstractSet[tuple[str, datetime]], sign: str
) -> tuple[Version, ...]:
    """Return versions with our own signed as such: those that the audit tells of, by value and end.

    A write is audited after it was verified: an integration's version within the ten minutes
    before a line with its value is ours; so is the clear that led to it.
    """
    return tuple(
        Version(value=one.value, at=one.at, source_type=sign) if _is_ours(one, ours) else one
        for one in versions
    )


_VERIFIED_WITHIN: Final = timedelta(minutes=10)
# HubSpot's answers tell its time to the second: a line may seem older than its version.
_TICK: Final = timedelta(seconds=2)
_BY_TOKEN: Final = frozenset({"INTEGRATION", "INTEGRATIONS_PLATFORM", "API"})


def _is_ours(one: Version, ours: AbstractSet[tuple[str, datetime]]) -> bool:
    return one.source_type in _BY_TOKEN and any(
        one.value in {value, ""} and -_TICK <= at - one.at <= _VERIFIED_WITHIN for value, at in ours
    )
