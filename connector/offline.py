"""Lay out a desk on the mirror alone: it decides, and HubSpot is not asked for anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.core.binding import BoundPolicy, bind
from connector.core.mark import PolicyError
from connector.core.model import ObjectType, Portal, Record, Ref
from connector.core.policy import Policy
from connector.desk import Desk, Tell, silent
from connector.errors import UserError
from connector.hubspot.door import Door
from connector.pull import require_mirror
from connector.settings import Settings
from state import mirror, portals
from state.store import Store

_CHUNK = 1000
ORDER = (ObjectType.COMPANIES, ObjectType.CONTACTS)


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


def last_pulled(store: Store, settings: Settings) -> Portal:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What decisions on the mirror rest on: the store, the portal as last pulled, the time."""

    store: Store
    portal: Portal
    door: ClosedDoor


def offline_desk(ground: Ground, policy: Policy, *, tell: Tell = silent) -> Desk:
    """Lay out a desk that asks for nothing; raise UserError where the mirror does not suffice."""
    return closed_desk(ground, _bound(policy, ground.portal), tell=tell)


def closed_desk(ground: Ground, policy: BoundPolicy, *, tell: Tell = silent) -> Desk:
    """Lay out such a desk for a policy that is bound already."""
    closed: Door = ground.door  # type: ignore[assignment]  # deciding only reads histories and time
    desk = Desk(
        run="offline",
        door=closed,
        store=ground.store,
        portal=ground.portal,
        policy=policy,
        wait=lambda _: None,
        offline=True,
        tell=tell,
    )
    require_mirror(desk)
    return desk


def _bound(policy: Policy, portal: Portal) -> BoundPolicy:
    """Bind a policy to the portal as it was last pulled, and say so where it does not fit."""
    try:
        return bind(policy, portal)
    except PolicyError as error:
        raise UserError(
            f"{error}\nThis is the portal as it was when it was last pulled: where it has changed "
            "since, run `connector pull` first."
        ) from error


def everyone(desk: Desk, kinds: Sequence[ObjectType] = ORDER) -> Iterator[Sequence[Ref]]:
    """Yield all companies, then all contacts, in chunks; archived ones are left out."""
    for kind in kinds:
        after = "0"
        while True:
            with desk.store.reading() as session:
                refs = mirror.listed(session, desk.portal_id, kind, after_id=after, limit=_CHUNK)
            if not refs:
                break
            after = refs[-1].id
            yield refs
