"""Let everything that is remembered of a record share the record's fate in HubSpot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from connector.core.model import ObjectType, Ref
from state import (
    aliases,
    associations,
    audit,
    holds,
    ledger,
    mirror,
    outbox,
    strikes,
    tasks,
    writings,
)


def succeed(session: Session, portal_id: str, merged: Mapping[Ref, Ref], *, at: datetime) -> None:
    """Carry what is remembered of merged records over to their survivors.

    Ledger, holds, open move, quarantine and what held go over, the audit is found by either id,
    and the survivor and whoever was linked with the old record become due.
    """
    known = aliases.survivors(session, portal_id, merged)
    news = {old: new for old, new in merged.items() if known.get(old) != new and old != new}
    if not news:
        return
    aliases.note(session, portal_id, news, at=at)
    ledger.carry(session, portal_id, news)
    outbox.carry(session, portal_id, news)
    holds.carry(session, portal_id, news)
    strikes.carry(session, portal_id, news)
    tasks.carry(session, portal_id, news)
    writings.carry(session, portal_id, news)
    concerned = _unlink(session, portal_id, news)
    mirror.erase(session, portal_id, news)
    mirror.mark_due(session, portal_id, sorted({*concerned, *news.values()}), at=at)


def bury(session: Session, portal_id: str, refs: Iterable[Ref], *, at: datetime) -> None:
    """Take archived records out of every decision; whoever was linked with them is due."""
    gone = tuple(refs)
    mirror.archive(session, portal_id, gone, at=at)
    mirror.mark_due(session, portal_id, sorted(_linked(session, portal_id, gone)), at=at)


def wipe(session: Session, portal_id: str, refs: Iterable[Ref], *, at: datetime) -> None:
    """Forget records that HubSpot deleted for good, and the audit's values of them."""
    gone = tuple(refs)
    concerned = _unlink(session, portal_id, gone)
    known = {one for ref in gone for one in aliases.family(session, portal_id, ref)}
    audit.redact(session, portal_id, sorted(known))
    ledger.erase(session, portal_id, known)
    outbox.close(session, portal_id, gone)
    tasks.erase(session, portal_id, known)
    for ref in gone:
        strikes.clear(session, portal_id, ref)
    mirror.erase(session, portal_id, gone)
    mirror.mark_due(session, portal_id, sorted(concerned), at=at)


def _linked(session: Session, portal_id: str, refs: Iterable[Ref]) -> set[Ref]:
    found: set[Ref] = set()
    for kind, some in _by_type(refs).items():
        for to in ObjectType:
            if to is not kind:
                links = associations.linked(session, portal_id, some, to)
                found.update(one.target for each in links.values() for one in each)
    return found


def _unlink(session: Session, portal_id: str, refs: Iterable[Ref]) -> set[Ref]:
    """Take the links of records out; return the other ends."""
    found: set[Ref] = set()
    for kind, some in _by_type(refs).items():
        for to in ObjectType:
            if to is not kind:
                none = dict.fromkeys(some, ())
                pairs = associations.replace_all(session, portal_id, none, to)
                found.update(other for _, other in pairs)
    return found


def _by_type(refs: Iterable[Ref]) -> dict[ObjectType, list[Ref]]:
    found: dict[ObjectType, list[Ref]] = {}
    for ref in refs:
        found.setdefault(ref.object_type, []).append(ref)
    return found
