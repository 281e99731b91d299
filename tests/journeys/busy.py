"""A portal in memory that others work in while we do, and a connector that dies at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.core.holds import HoldTerms, by_person
from connector.core.model import STAGE, STATUS, Outcome, Ref, Version
from connector.errors import ConnectorError
from connector.hubspot.in_memory import MemoryDoor
from connector.sync import Synced, sync
from state.store import Store
from tests.usecases.office import (
    COMPANIES,
    CONTACTS,
    DEALS,
    START,
    BusyPortal,
    Office,
    portal,
)

OURS = "INTEGRATION"
# Fewer than there are records of a type, so that plans do come over it.
ALWAYS = 4
POLICY = f"""
extends: standard
settings:
  limits: {{always: {ALWAYS}, day_share: 0.1, day_backward_share: 0.1}}
"""
_TERMS = HoldTerms(days=30, imports=False)
_NAMES = {CONTACTS: (STAGE, STATUS), COMPANIES: (STAGE,)}


class KilledError(BaseException):
    """The process is dead: nothing of it runs any more, its `finally` blocks included."""


@dataclass
class Life:
    """How many steps a process still has to live; None: as many as it likes."""

    left: int | None = None

    def step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KilledError


@dataclass(slots=True)
class LivelyPortal(BusyPortal):
    """Time passes with every request, and every request may be the process's last."""

    life: Life = field(default_factory=Life)
    fills_gaps: str = ""

    def _begin(self, method: str) -> ConnectorError | None:
        self.life.step()
        self.moment += timedelta(milliseconds=40)
        return MemoryDoor._begin(self, method)

    def update(self, changes: Mapping[Ref, Mapping[str, str]]) -> Any:
        answer = BusyPortal.update(self, changes)
        if self.fills_gaps:
            self._fill(changes)
        self.life.step()  # it may die before the answer arrives, too
        return answer

    def _fill(self, changes: Mapping[Ref, Mapping[str, str]]) -> None:
        """Let an automation of the portal write into the gap between a clear and a set."""
        for ref, values in changes.items():
            if values.get(STAGE) == "":
                stage, self.fills_gaps = self.fills_gaps, ""
                self.put(ref, {STAGE: stage}, source_type="AUTOMATION_PLATFORM", source_id="7")
                return


class MortalStore(Store):
    """A store whose every writing transaction may be the process's last."""

    life = Life()

    def begin(self) -> Any:
        self.life.step()
        return super().begin()


@dataclass
class Town:
    """One busy portal and its connector, with what must be true of them at all times."""

    office: Office
    life: Life
    holds: dict[Ref, datetime] = field(default_factory=dict)
    released: set[Ref] = field(default_factory=set)

    @classmethod
    def found(cls, url: str) -> Town:
        life = Life()
        store = MortalStore.open(url)
        assert isinstance(store, MortalStore)
        store.life = life
        return cls(
            office=Office(door=LivelyPortal(portal(), START, life=life), store=store), life=life
        )

    @property
    def door(self) -> LivelyPortal:
        assert isinstance(self.office.door, LivelyPortal)
        return self.office.door

    def records(self) -> list[Ref]:
        return sorted(ref for ref in self.door._records if ref.object_type is not DEALS)

    def deals(self) -> list[Ref]:
        return sorted(ref for ref in self.door._records if ref.object_type is DEALS)

    def history(self, ref: Ref, name: str) -> tuple[Version, ...]:
        return self.door._records[ref].history.get(name, ())

    def sync(self, **more: Any) -> Synced | None:
        """Sync once; None where an error of ours ended it."""
        more = {"fresh": timedelta(seconds=10), **more}
        return self._run(lambda: sync(self.office.desk(POLICY, **more)))

    def _run(self, work: Callable[[], Synced]) -> Synced | None:
        try:
            return work()
        except (ConnectorError, KilledError):
            return None
        finally:
            self.life.left = None

    def die_within(self, steps: int) -> None:
        self.life.left = steps

    # What must be true

    def evidence_at(self, ref: Ref) -> datetime:
        """Return when the newest evidence of a record came up."""
        links = self.door._links.get((ref, DEALS), {})
        times = [self.history(deal, "dealstage")[0].at for deal in links]
        return max(times, default=START)

    def held(self, ref: Ref, name: str) -> Version | None:
        """Return what a person set, as long as nothing may change it."""
        others = [one for one in self.history(ref, name) if one.source_type != OURS]
        if not others or not by_person(others[0], _TERMS):
            return None
        edit = others[0]
        lasts = self.door.moment < edit.at + timedelta(days=30)
        return edit if lasts and self.evidence_at(ref) <= edit.at else None

    def overwritten(self) -> list[str]:
        """Return what a person set and we did not leave, or put back."""
        return [
            f"{ref} {name}: {edit.value or 'blank'} became {self.door.value(ref, name) or 'blank'}"
            for ref in self.records()
            for name in _NAMES[ref.object_type]
            if (edit := self.held(ref, name)) and self.door.value(ref, name) != edit.value
        ]

    def blanks(self) -> list[str]:
        """Return the records whose stage we cleared, and nobody set since."""
        return [
            str(ref)
            for ref in self.records()
            if not self.door.value(ref, STAGE)
            and (history := self.history(ref, STAGE))
            and history[0].source_type == OURS
            and ref not in self.released
        ]

    def unaudited(self) -> list[str]:
        """Return values that we wrote, and no line of the audit accounts for."""
        lines: dict[tuple[Ref, str], list[Any]] = {}
        for one in self.office.lines():
            lines.setdefault((one.record, one.property_name), []).append(one)
        return [
            f"{ref} {name}={one.value} at {one.at}"
            for ref in self.records()
            for name in _NAMES[ref.object_type]
            for one in self.history(ref, name)
            if one.source_type == OURS and (one.value or name == STATUS)
            if not any(_accounts(line, one) for line in lines.get((ref, name), ()))
        ]

    def over_limits(self) -> list[str]:
        """Return the types of which more records were written within a day than may be."""
        since = self.door.moment - timedelta(hours=24)
        found = []
        for kind, names in _NAMES.items():
            refs = [ref for ref in self.records() if ref.object_type is kind]
            sent = {
                ref
                for ref in refs
                for name in names
                if any(
                    one.source_type == OURS and one.at > since for one in self.history(ref, name)
                )
            }
            if len(sent) > ALWAYS:
                found.append(f"{len(sent)} {kind}")
        return found

    def written_while_held(self) -> list[str]:
        """Return records that the operator holds, and that were written all the same."""
        return [
            f"{ref} {name}={self.history(ref, name)[0].value}"
            for ref, since in self.holds.items()
            for name in _NAMES[ref.object_type]
            if any(one.source_type == OURS and one.at > since for one in self.history(ref, name))
        ]


def _accounts(line: Any, version: Version) -> bool:
    """Whether a line tells of a write: as its new value, or as one that was put back."""
    told = line.after == version.value or line.outcome is not Outcome.APPLIED
    return line.at >= version.at and told
