"""Compare two policies on the mirror: what would change if the one replaced the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.core.binding import BoundPolicy, bind
from connector.core.mark import PolicyError
from connector.core.model import STAGE, Correction, ObjectType, Portal, Record, Ref
from connector.core.policy import Policy
from connector.core.rules import Decision, decide
from connector.desk import Desk, Tell, silent
from connector.errors import UserError
from connector.gather import gather
from connector.hubspot.door import Door
from connector.pull import require_mirror
from connector.settings import Settings
from state import mirror, portals
from state.store import Store

_CHUNK = 1000
_EXAMPLES = 12
ORDER = (ObjectType.COMPANIES, ObjectType.CONTACTS)


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


@dataclass(slots=True)
class ClosedDoor:
    """A door that nothing goes through: it tells the time, and counts what it cannot read."""

    at: datetime
    unread: set[Ref] = field(default_factory=set)

    def now(self) -> datetime:
        """Return the moment for which everything is decided."""
        return self.at

    def read(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> dict[Ref, Record]:
        """Return nothing, and note what was asked for."""
        self.unread.update(refs)
        return {}


def compare(
    settings: Settings, new: Policy, old: Policy, *, now: datetime, tell: Tell = silent
) -> Comparison:
    """Return what would change in the mirrored portal; HubSpot is not asked for anything."""
    with Store.open(settings.database_url) as store:
        portal = _portal(store, settings)
        door = ClosedDoor(now)
        first = _desk(store, portal, new, door, tell)
        second = _desk(store, portal, old, door, tell)
        for desk in (first, second):
            require_mirror(desk)
        found = Comparison(portal=portal, new=_name(new), old=_name(old))
        for refs in _everyone(first):
            _compare(first, second, refs, found)
        found.unknown_histories = len(door.unread)
    return found


def _name(policy: Policy) -> str:
    return f"{policy.name} ({policy.source})"


def _portal(store: Store, settings: Settings) -> Portal:
    """Return the portal as it was last pulled."""
    with store.reading() as session:
        ids = portals.ids(session)
        if settings.portal_id:
            ids = tuple(one for one in ids if one == settings.portal_id)
        portal = portals.load(session, ids[0]) if len(ids) == 1 else None
    if portal is None:
        raise UserError(
            f"The database holds {len(ids)} portals: name one by HUBSPOT_PORTAL_ID."
            if ids
            else "Nothing is mirrored yet: run `connector pull` first."
        )
    return portal


def _desk(store: Store, portal: Portal, policy: Policy, door: ClosedDoor, tell: Tell) -> Desk:
    closed: Door = door  # type: ignore[assignment]  # deciding only reads histories and the time
    return Desk(
        run="compare",
        door=closed,
        store=store,
        portal=portal,
        policy=_bound(policy, portal),
        wait=lambda _: None,
        offline=True,
        tell=tell,
    )


def _bound(policy: Policy, portal: Portal) -> BoundPolicy:
    """Bind a policy to the portal as it was last pulled, and say so where it does not fit."""
    try:
        return bind(policy, portal)
    except PolicyError as error:
        raise UserError(
            f"{error}\nThis is the portal as it was when it was last pulled: where it has changed "
            "since, run `connector pull` first."
        ) from error


def _everyone(desk: Desk) -> Iterator[Sequence[Ref]]:
    for kind in ORDER:
        after = "0"
        while True:
            with desk.store.reading() as session:
                refs = mirror.listed(session, desk.portal_id, kind, after_id=after, limit=_CHUNK)
            if not refs:
                break
            after = refs[-1].id
            yield refs


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
