"""End moves: audit, mirror, strikes and outbox in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy.orm import Session

from connector.core.audit import AuditLine
from connector.core.model import STAGE, Outcome, Record, Ref, Version
from connector.core.moves import key
from connector.desk import Desk
from connector.giving_back import Ending
from connector.readings import drop
from state import audit, fates, holds, ledger, mirror, outbox, strikes, writings

# An outcome that HubSpot or another writer imposed; the second one sets the correction aside.
UNHEEDED = frozenset({Outcome.IGNORED, Outcome.REFUSED, Outcome.REVERTED, Outcome.RESTORED})

_log = structlog.get_logger()


def end(
    desk: Desk,
    endings: Sequence[Ending],
    records: Mapping[Ref, Record],
) -> None:
    """Write down how corrections ended, and take their moves out of the outbox.

    `records` is what was read last, by asked ref: a record that is not there, or lives on in
    another one, is out of the mirror's decisions; the other one is pulled, with all that came
    with it. All others stay due, so that the next decision looks at what is really there.
    """
    now = desk.door.now()
    ended = {one.move.record for one in endings}
    there = {ref: record for ref, record in records.items() if record.ref == ref}
    with desk.store.begin() as session:
        _write_down(desk, session, endings)
        ledger.observe_all(session, desk.portal_id, STAGE, _ours(endings, records))
        holds.add(session, desk.portal_id, [one.hold for one in endings if one.hold])
        held = [one.correction for one in endings if one.outcome is Outcome.APPLIED]
        writings.note(session, desk.portal_id, held, at=now)
        mirror.patch(session, desk.portal_id, list(there.values()), due_at=now)
        mirror.archive(session, desk.portal_id, ended - there.keys(), at=now)
        outbox.close(session, desk.portal_id, ended)
        merged = {ref: one.ref for ref, one in records.items() if one.ref != ref}
        fates.succeed(session, desk.portal_id, merged, at=now)
    drop(desk, [one.move.record for one in endings])
    for one in endings:
        _tell(desk, one)


def _write_down(desk: Desk, session: Session, endings: Sequence[Ending]) -> None:
    """Append to the audit, and count what HubSpot or another writer did not let happen."""
    audit.append(session, desk.portal_id, [_line(desk, one) for one in endings])
    for one in endings:
        if unheeded(one):
            strikes.strike(
                session,
                desk.portal_id,
                one.correction,
                outcome=one.outcome,
                note=one.note,
                at=desk.door.now(),
            )


def _ours(
    endings: Sequence[Ending], records: Mapping[Ref, Record]
) -> dict[Ref, tuple[Version, ...]]:
    """Return the stages that we set, as the ledger keeps them."""
    return {
        records[one.move.record].ref: (
            Version(
                value=one.correction.after,
                at=records[one.move.record].modified_at,
                source_type=ledger.OURS,
                source_id=one.move.run,
            ),
        )
        for one in endings
        if one.outcome is Outcome.APPLIED and one.correction.property_name == STAGE
    }


def unheeded(one: Ending) -> bool:
    """Whether HubSpot or another writer did not let it happen; a person's edit is no such thing."""
    return one.outcome in UNHEEDED and one.hold is None


def _tell(desk: Desk, one: Ending) -> None:
    """Log what did not go as planned, and leave it for the rest of this run."""
    if unheeded(one):
        desk.struck.add(key(one.correction))
    if one.outcome is not Outcome.APPLIED:
        _log.warning(
            f"correction.{one.outcome}",
            record=str(one.correction.record),
            property_name=one.correction.property_name,
            before=one.correction.before,
            after=one.correction.after,
            note=one.note,
            correlation_id=one.correlation_id,
        )


def _line(desk: Desk, one: Ending) -> AuditLine:
    return AuditLine(
        at=desk.door.now(),
        run=one.move.run,
        record=one.correction.record,
        property_name=one.correction.property_name,
        before=one.correction.before,
        after=one.correction.after,
        rule=one.correction.rule,
        policy=one.move.policy,
        outcome=one.outcome,
        correlation_id=one.correlation_id,
    )
