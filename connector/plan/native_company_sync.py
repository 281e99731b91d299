"""Learn from a few companies whether HubSpot's own sync copies their stage to their contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import structlog

from connector.context import RunContext
from connector.core.corrections.moves import Move
from connector.core.model import STAGE, Correction, Direction, ObjectType, Ref
from connector.plan.fresh_reads import read_records
from state import checkpoints, mirror
from state.db.transaction import Transaction

_CHECKPOINT = "native-company-sync"
# So many companies whose contacts stayed as they were let the rest through.
PROBES_NEEDED = 3
_log = structlog.get_logger()


class NativeSync(StrEnum):
    """What is known of HubSpot's own sync from companies to contacts: on, off, or unknown."""

    UNKNOWN = "unknown"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What the probes so far showed of HubSpot's own sync, and how many there were."""

    sync_state: NativeSync = NativeSync.UNKNOWN
    count: int = 0

    def to_checkpoint(self) -> dict[str, Any]:
        """Return what `from_checkpoint` reads."""
        return {"is": str(self.sync_state), "probes": self.count}

    @classmethod
    def from_checkpoint(cls, stored: Any) -> Self:
        """Return the stored probes; an empty checkpoint means that there was none."""
        if not stored:
            return cls()
        return cls(sync_state=NativeSync(stored["is"]), count=int(stored["probes"]))


def native_sync_state(context: RunContext) -> NativeSync:
    """Return what the policy says, or where it says nothing, what was learnt."""
    configured = NativeSync(context.policy.policy.texts("company_sync.native")[0])
    return configured if configured is not NativeSync.UNKNOWN else _read_probes(context).sync_state


def needs_permission(context: RunContext) -> bool:
    """Return whether companies with contacts behind them wait for the operator's permission."""
    return native_sync_state(context) is NativeSync.ON and not context.permitted


def native_sync_message(context: RunContext, company: Ref, contacts: int) -> str:
    """Return the message about a company's move that HubSpot may copy to its contacts."""
    match native_sync_state(context):
        case NativeSync.ON:
            return (
                f"HubSpot's own company sync would carry {contacts:,} contacts of {company} along: "
                "it waits until `connector plan --out plan.json` is reviewed and applied."
            )
        case NativeSync.UNKNOWN:
            return (
                f"Nobody knows yet whether HubSpot's own company sync would carry {contacts:,} "
                f"contacts of {company} along: it is tried alone, and its contacts are read again."
            )
        case NativeSync.OFF:
            return ""


def contacts_synced_natively(
    context: RunContext, corrections: Sequence[Correction]
) -> dict[Ref, tuple[Ref, ...]]:
    """Return, for each forward company move, the contacts that HubSpot's sync would move.

    HubSpot's sync moves contacts forward only, so these are the contacts behind the new stage
    (HubSpot's knowledge base on syncing lifecycle stages). Companies without any are left out.
    """
    forward_corrections = {
        correction.record: correction
        for correction in corrections
        if correction.property_name == STAGE
        and correction.direction is Direction.FORWARD
        and correction.record.object_type is ObjectType.COMPANIES
    }
    if not forward_corrections:
        return {}
    with context.reading() as session:
        contacts_by_company = mirror.contacts_of_companies(session, list(forward_corrections))
        contact_records = mirror.get(
            session,
            [contact for contacts in contacts_by_company.values() for contact in contacts],
        )
    stage_order = context.policy.object_policies[ObjectType.CONTACTS].order
    # A blank stage, or one that the portal does not list, is behind every other.
    contacts_behind = {
        company: tuple(
            contact
            for contact in contacts
            if stage_order.get(contact_records[contact].value(STAGE), -1)
            < stage_order.get(forward_corrections[company].after, -1)
        )
        for company, contacts in contacts_by_company.items()
    }
    return {company: contacts for company, contacts in contacts_behind.items() if contacts}


def read_stages(context: RunContext, contacts: Sequence[Ref]) -> dict[Ref, str]:
    """Read the stages that contacts have now."""
    return {ref: record.value(STAGE) for ref, record in read_records(context, contacts).items()}


def evaluate_probe(context: RunContext, move: Move, stages_before: Mapping[Ref, str]) -> None:
    """Compare a company's contacts with their stages before its move, and store the result."""
    stage = move.target_values[STAGE]
    context.wait(context.recheck_seconds[0] if context.recheck_seconds else 0.0)
    records = read_records(context, list(stages_before))
    moved_contacts = [
        ref
        for ref, record in records.items()
        if record.value(STAGE) == stage != stages_before.get(ref)
    ]
    probe_count = _read_probes(context).count + 1
    sync_state = (
        NativeSync.ON
        if moved_contacts
        else (NativeSync.OFF if probe_count >= PROBES_NEEDED else NativeSync.UNKNOWN)
    )
    now = context.api.now()
    with context.begin() as session:
        probes = Probes(sync_state=sync_state, count=probe_count)
        checkpoints.put(session, _CHECKPOINT, probes.to_checkpoint())
        mirror.patch(session, list(records.values()), due_at=now)
    _log.info(
        "company_sync.probed",
        portal=context.portal_id,
        company=str(move.record),
        contacts=len(stages_before),
        moved=len(moved_contacts),
        native=str(sync_state),
    )


def stored_probes(session: Transaction) -> Probes:
    """Return what was learnt in this portal so far."""
    return Probes.from_checkpoint(checkpoints.get(session, _CHECKPOINT))


def _read_probes(context: RunContext) -> Probes:
    with context.reading() as session:
        return stored_probes(session)
