"""What we add to the recorded portal: links between records, and changes over time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from connector.sandbox.portal import Portal
from tests.recorded.recordings import Folder

_LINKED: Final = datetime(2026, 6, 12, 12, tzinfo=UTC)
_TOKEN: Final = re.compile(r"«(?P<kind>\w+) (?P<file>\S+) (?P<place>\d+) (?P<name>\w+)»")


@dataclass(frozen=True)
class Spot:
    """A recorded record by its place: the so-manieth result (from 0) of a file.

    As text it is a token that `told` replaces by the record's name, or by a recorded day.
    """

    kind: str
    file: str
    place: int

    def __str__(self) -> str:
        return self.day("id")

    def day(self, name: str) -> str:
        """Return the day that the record's recording tells for a property."""
        return f"«{self.kind} {self.file} {self.place} {name}»"


@dataclass(frozen=True)
class Set:
    """Properties that an import set, on a day."""

    record: Spot
    properties: Mapping[str, str]
    day: str = "2026-04-02"


@dataclass(frozen=True)
class Form:
    """A contact's latest form conversion."""

    contact: Spot
    name: str
    day: str


@dataclass(frozen=True)
class Move:
    """The days on which a deal entered one stage after the other."""

    deal: Spot
    stages: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Link:
    """A deal's link to a contact or company."""

    deal: Spot
    other: Spot
    primary: bool = False


@dataclass(frozen=True)
class Unlink:
    """A link that was taken out again."""

    deal: Spot
    other: Spot


@dataclass(frozen=True)
class Archive:
    """A record that was put into the recycling bin."""

    record: Spot


@dataclass(frozen=True)
class Merge:
    """Two records that became one, under the first one's id."""

    primary: Spot
    other: Spot


Step = Set | Form | Move | Link | Unlink | Archive | Merge


@dataclass(frozen=True)
class Fix:
    """One correction that has to be made, as the plan tells it."""

    record: Spot
    property_name: str
    before: str
    after: str
    direction: str
    rule: str
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is ours around some recorded records, and every correction that follows from it."""

    says: str
    ours: tuple[Step, ...]
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Author:
    """Writes our part into a portal of recorded records."""

    folder: Folder
    portal: Portal

    def id_of(self, spot: Spot) -> str:
        """Return the id of the record in a place."""
        return str(self.folder.results(spot.file)[spot.place]["id"])

    def told(self, text: str) -> str:
        """Replace every token by what it stands for."""
        return _TOKEN.sub(self._replaced, text)

    def take(self, step: Step) -> None:
        """Take one step of ours."""
        match step:
            case Set(record, properties, day):
                self._write(record, properties, day)
            case Form(contact, name, day):
                self._write(contact, _conversion(name, day), day)
            case Move(deal, stages):
                for day, stage in stages:
                    self._write(deal, {"dealstage": stage}, day)
            case Archive(record):
                self.portal.archive(record.kind, self.id_of(record))
            case Link() | Unlink():
                self._tie(step)
            case Merge(primary, other):
                self.portal.switches.merge_new_id = False
                self.portal.merge(primary.kind, self.id_of(primary), self.id_of(other))

    def _write(self, spot: Spot, properties: Mapping[str, str], day: str) -> None:
        self.portal.edit(
            spot.kind, self.id_of(spot), properties, at=_noon(day), source="IMPORT", user_id=None
        )

    def _tie(self, step: Link | Unlink) -> None:
        ends = ("deals", self.id_of(step.deal), step.other.kind, self.id_of(step.other))
        if isinstance(step, Link):
            self.portal.associate(*ends, primary=step.primary, at=_LINKED)
        else:
            self.portal.dissociate(*ends)

    def _replaced(self, found: re.Match[str]) -> str:
        row = self.folder.results(found["file"])[int(found["place"])]
        if found["name"] == "id":
            return f"{found['kind']}/{row['id']}"
        at = datetime.fromisoformat(row["properties"][found["name"]])
        return str(at.astimezone(ZoneInfo(self.portal.time_zone)).date())


def _noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


def _conversion(name: str, day: str) -> dict[str, str]:
    return {
        "recent_conversion_event_name": name,
        "recent_conversion_date": f"{day}T12:00:00Z",
        "num_conversion_events": "1",
    }
