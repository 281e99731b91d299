"""Move what is remembered of portals from one database to another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from connector.errors import UserError
from state import copy_portal, outbox
from state.copy_portal import NO_PORTAL
from state.db.store import Store

_HOLDER = "connector state copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedPortal:
    """How many rows of a portal were copied, and how many lines of its audit and open moves."""

    portal_id: str
    rows: int
    audit_lines: int
    open_moves: int


def copy_state(
    source: Store,
    target: Store,
    *,
    portal_ids: tuple[str, ...] = (),
    with_open_moves: bool = False,
    progress: Callable[[CopiedPortal], None] = lambda copied: None,
) -> list[CopiedPortal]:
    """Copy portals, all that the source holds where none is named; return what was copied.

    Each portal is copied in one transaction and compared before it is committed. Every portal is
    checked before the first one is copied: raise UserError where the target holds something of
    it, where it has open moves that were not allowed to travel, or where the source has nothing
    of it. Nobody else writes for these portals meanwhile, or `locks.Busy` is raised; what their
    daemons do afterwards is up to the operator.
    """
    # Which portals there are; the operator may have named some of them.
    with source.reading_all_portals() as session:
        known_ids = copy_portal.portal_ids(session)
    wanted_ids = portal_ids or tuple(portal_id for portal_id in known_ids if portal_id != NO_PORTAL)
    missing_ids = [portal_id for portal_id in wanted_ids if portal_id not in known_ids]
    if missing_ids or not wanted_ids:
        raise UserError(
            f"FROM holds nothing of portal {', '.join(missing_ids)}: nothing was copied."
            if missing_ids
            else "FROM holds no portal: nothing was copied. See that it is the right database."
        )
    # Nobody may write to any of them, on either side, from the first look to the last commit.
    with ExitStack() as locks:
        for portal_id in wanted_ids:
            for store in (source, target):
                locks.enter_context(store.writer_lock(portal_id, holder_name=_HOLDER))
        # All are looked at before the first is copied, so that a refusal leaves nothing behind.
        for portal_id in wanted_ids:
            _refuse_to_copy_if_unsafe(source, target, portal_id, with_open_moves=with_open_moves)
        copied_portals = []
        for portal_id in wanted_ids:
            copied_portals.append(_copy_portal(source, target, portal_id))
            progress(copied_portals[-1])
    # Tokens of OAuth apps may serve any portal: they go along with whatever is copied.
    if NO_PORTAL in known_ids:
        with source.reading(NO_PORTAL) as old, target.begin(NO_PORTAL) as new:
            copy_portal.copy_app_tokens(old, new)
    return copied_portals


def _refuse_to_copy_if_unsafe(
    source: Store, target: Store, portal_id: str, *, with_open_moves: bool
) -> None:
    with target.reading(portal_id) as session:
        target_rows = sum(copy_portal.count_rows(session).values())
    if target_rows:
        raise UserError(
            f"TO holds {target_rows:,} rows of portal {portal_id} already: nothing was copied. "
            "Name a database that has never seen it: two audits cannot be made one chain."
        )
    with source.reading(portal_id) as session:
        open_moves = len(outbox.open_moves(session))
    if open_moves and not with_open_moves:
        raise UserError(
            f"Portal {portal_id} has {open_moves} open moves: nothing was copied. Let `connector "
            "sync` finish them first, or let them travel by --with-open-moves: then the next start "
            "on TO finishes them, and FROM must never be started again."
        )


def _copy_portal(source: Store, target: Store, portal_id: str) -> CopiedPortal:
    with source.reading(portal_id) as old, target.begin(portal_id) as new:
        copy_portal.copy_portal(old, new)
        old_counts, new_counts = (copy_portal.count_rows(session) for session in (old, new))
        if old_counts != new_counts or not copy_portal.same_audit(old, new):
            raise UserError(
                f"The copy of portal {portal_id} is not like the original, and was taken back. Run "
                "`connector audit verify` on FROM: a chain that is broken there cannot be copied."
            )
        return CopiedPortal(
            portal_id=portal_id,
            rows=sum(new_counts.values()),
            audit_lines=new_counts["audit"],
            open_moves=new_counts["outbox"],
        )
