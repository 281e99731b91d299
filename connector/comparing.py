"""Compare two policies on the mirror: what would change if the one replaced the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.core.model import STAGE, Correction, Portal, Ref
from connector.core.policy import Policy
from connector.core.rules import Decision, decide
from connector.desk import Desk, Tell, silent
from connector.gather import gather
from connector.offline import ClosedDoor, Ground, everyone, last_pulled, offline_desk
from connector.settings import Settings
from state.store import Store

_EXAMPLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One property of one record on which the two policies differ.

    `new` and `old` are what each would correct, None where it would leave the value alone.
    """

    record: Ref
    property_name: str
    found: str
    old: Correction | None
    new: Correction | None


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What would change, counted by rule and direction; the first changes stand for all."""

    portal: Portal
    new: str
    old: str
    looked_at: Counter[str] = field(default_factory=Counter)
    records: int = 0
    added: Counter[tuple[str, str]] = field(default_factory=Counter)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[Change] = field(default_factory=list)
    unknown_histories: int = 0

    def add(self, changes: Sequence[Change]) -> None:
        """Count the changes of one record."""
        self.records += bool(changes)
        for one in changes:
            for counts, each in ((self.added, one.new), (self.dropped, one.old)):
                if each:
                    counts[each.rule, str(each.direction)] += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append(one)


def compare(
    settings: Settings, new: Policy, old: Policy, *, now: datetime, tell: Tell = silent
) -> Comparison:
    """Return what would change in the mirrored portal; HubSpot is not asked for anything."""
    with Store.open(settings.database_url) as store:
        ground = Ground(store=store, portal=last_pulled(store, settings), door=ClosedDoor(now))
        first = offline_desk(ground, new, tell=tell)
        second = offline_desk(ground, old, tell=tell)
        found = Comparison(portal=ground.portal, new=_name(new), old=_name(old))
        for refs in everyone(first):
            _compare(first, second, refs, found)
        found.unknown_histories = len(ground.door.unread)
    return found


def _name(policy: Policy) -> str:
    return f"{policy.name} ({policy.source})"


def _compare(first: Desk, second: Desk, refs: Sequence[Ref], found: Comparison) -> None:
    """Decide some records by both policies, and count where they differ."""
    before = {one.record: decide(second.policy, one) for one in gather(second, refs)}
    for one in gather(first, refs):
        found.looked_at[str(one.record.object_type)] += 1
        found.add(tuple(_changes(decide(first.policy, one), before[one.record])))
    first.tell("compare", found.looked_at.total(), None)


def _changes(new: Decision, old: Decision) -> Iterator[Change]:
    """Yield each property that the two leave with different values."""
    mine = {one.property_name: one for one in new.corrections}
    its = {one.property_name: one for one in old.corrections}
    for name in sorted({*mine, *its}, key=lambda each: (each != STAGE, each)):
        one, other = mine.get(name), its.get(name)
        known = one or other
        if known and (one.after if one else known.before) != (
            other.after if other else known.before
        ):
            yield Change(
                record=new.record, property_name=name, found=known.before, old=other, new=one
            )
