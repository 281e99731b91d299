"""End moves: audit, mirror, quarantine and outbox in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from connector.context import RunContext
from connector.core.corrections.audit import AuditLine
from connector.core.corrections.moves import correction_key
from connector.core.model import STAGE, Outcome, Record, Ref, Version
from connector.plan.fresh_reads import drop_readings
from connector.plan.own_sources import note_own_versions
from connector.plan.storing import try_to_store
from connector.push.restore_edits import CorrectionResult
from state import applied_corrections, audit, cascade, holds, ledger, mirror, outbox, quarantine
from state.db.transaction import Transaction

# An outcome that HubSpot or another writer imposed; the second one quarantines the correction.
FAILURES = frozenset({Outcome.IGNORED, Outcome.REFUSED, Outcome.REVERTED, Outcome.RESTORED})

_log = structlog.get_logger()


def finish_moves(
    context: RunContext,
    results: Sequence[CorrectionResult],
    records: Mapping[Ref, Record],
) -> None:
    """Store how corrections ended, and remove their moves from the outbox.

    `records` are the last readings, by asked ref. A record that is absent from them, or was
    merged into another one, is no longer decided; its survivor is pulled with everything that
    was merged. All others stay due, so that the next decision reads their present state.

    Where the database does not store, the moves stay open, and the next start stores how they
    ended: other records of the batch may be blank, and nothing may stop their set.
    """
    now = context.api.now()
    refs = {result.move.record for result in results}
    present = {ref: record for ref, record in records.items() if record.ref == ref}

    def store_endings(session: Transaction) -> None:
        # Audit, ledger and holds: what was written, and which edits were put back.
        _record_results(context, session, results)
        ledger.store_histories(session, STAGE, _stages_set_by_us(results, records))
        holds.add(session, [result.hold for result in results if result.hold])
        verified_corrections = [
            result.correction for result in results if result.outcome is Outcome.APPLIED
        ]
        applied_corrections.add(session, verified_corrections, at=now)
        # The moves end before the mirror follows: what others changed meanwhile is noted then.
        outbox.close(session, refs)
        # The mirror: present values, archived and merged records.
        ours = {
            (correction.record, correction.property_name) for correction in verified_corrections
        }
        mirror.patch(session, list(present.values()), due_at=now, ours=ours)
        cascade.follow_archive(session, refs - present.keys(), at=now)
        note_own_versions(context, session, _own_versions(results, records))
        merged = {ref: record.ref for ref, record in records.items() if record.ref != ref}
        cascade.follow_merge(session, merged, at=now)

    try_to_store(context, store_endings)
    drop_readings(context, [result.move.record for result in results])
    for result in results:
        _report_result(context, result)


def _record_results(
    context: RunContext, session: Transaction, results: Sequence[CorrectionResult]
) -> None:
    """Append to the audit, and count what HubSpot or another writer did not let happen."""
    audit.append(session, [_audit_line(context, result) for result in results])
    for result in results:
        if is_failure(result):
            times = quarantine.note_failure(
                session,
                result.correction,
                outcome=result.outcome,
                note=result.note,
                at=context.api.now(),
            )
            if times > 1:
                context.state.failed_again.add(correction_key(result.correction))


def _stages_set_by_us(
    results: Sequence[CorrectionResult], records: Mapping[Ref, Record]
) -> dict[Ref, tuple[Version, ...]]:
    """Return the stages that we set, as the ledger keeps them."""
    return {
        records[result.move.record].ref: (
            Version(
                value=result.correction.after,
                at=records[result.move.record].modified_at,
                source_type=ledger.CONNECTOR,
                source_id=result.move.run,
            ),
        )
        for result in results
        if result.outcome is Outcome.APPLIED and result.correction.property_name == STAGE
    }


def _own_versions(
    results: Sequence[CorrectionResult], records: Mapping[Ref, Record]
) -> list[Version]:
    """Return the versions that our writes made, as they were read back."""
    versions = []
    for result in results:
        record = records.get(result.move.record)
        history = record.history.get(result.correction.property_name, ()) if record else ()
        last_read = result.move.last_read.get(result.correction.property_name)
        if (
            result.outcome is Outcome.APPLIED
            and history
            and history[0].value == result.correction.after
            and (last_read is None or history[0].at > last_read[0])
        ):
            versions.append(history[0])
    return versions


def is_failure(result: CorrectionResult) -> bool:
    """Return whether HubSpot or another writer undid or refused it; a restored edit is neither."""
    return result.outcome in FAILURES and result.hold is None


def _report_result(context: RunContext, result: CorrectionResult) -> None:
    """Log what did not go as planned, and leave it for the rest of this run."""
    if is_failure(result):
        context.state.failed_in_run.add(correction_key(result.correction))
    if result.outcome is not Outcome.APPLIED:
        _log.warning(
            f"correction.{result.outcome}",
            record=str(result.correction.record),
            property_name=result.correction.property_name,
            before=result.correction.before,
            after=result.correction.after,
            note=result.note,
            correlation_id=result.correlation_id,
        )


def _audit_line(context: RunContext, result: CorrectionResult) -> AuditLine:
    return AuditLine(
        at=context.api.now(),
        run=result.move.run,
        record=result.correction.record,
        property_name=result.correction.property_name,
        before=result.correction.before,
        after=result.correction.after,
        rule=result.correction.rule,
        policy=result.move.policy,
        outcome=result.outcome,
        correlation_id=result.correlation_id,
    )
