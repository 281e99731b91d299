"""Derive from a contact's leads which of them leads, and the lead status that its stage means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from connector.core.conditions.values import Value, parse_time
from connector.core.model import LEAD_STAGE, Record, Ref, Version

_ENTERED_CURRENT: Final = "hs_v2_date_entered_current_stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadStages:
    """What a policy says of the lead stages of a portal, by their ids.

    A lead in one of `closed` is no longer worked on; `statuses` holds the lead status that a
    stage means. A stage that is in neither is an open one that says nothing of the lead status.
    """

    closed: frozenset[str] = frozenset()
    statuses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One lead of a contact as evidence; `since` is when it entered its present stage."""

    ref: Ref
    stage: str
    is_open: bool
    since: datetime


def read_lead(stages: LeadStages, record: Record, history: Sequence[Version] = ()) -> Lead:
    """Return a lead as evidence; raise KeyError where its stage was not asked for.

    `history` holds what is known of its stages, newest first. The time of the present stage
    comes from it, or else from HubSpot's own date property; without either it is the creation,
    the earliest moment that is possible.
    """
    stage = record.value(LEAD_STAGE)
    return Lead(
        ref=record.ref,
        stage=stage,
        is_open=stage not in stages.closed,
        since=_entered_at(record, stage, history),
    )


def _entered_at(record: Record, stage: str, history: Sequence[Version]) -> datetime:
    since: datetime | None = None
    for version in history:
        if version.value != stage:
            break
        since = version.at
    return since or parse_time(record.properties.get(_ENTERED_CURRENT)) or record.created_at


def leading_lead(leads: Iterable[Lead]) -> Lead | None:
    """Return the open lead that moved last, or the closed one that did where none is open."""
    return max(leads, key=lambda lead: (lead.is_open, lead.since, int(lead.ref.id)), default=None)


def lead_values(stages: LeadStages, leads: Sequence[Lead]) -> dict[str, Value]:
    """Return the facts of a contact's leads; those of the leading one are blank without any."""
    leading = leading_lead(leads)
    return {
        "leads.open": float(sum(lead.is_open for lead in leads)),
        "lead.latest": str(leading.ref) if leading else None,
        "lead.stage": leading.stage if leading else None,
        "lead.since": leading.since if leading else None,
        "lead.status": stages.statuses.get(leading.stage) if leading else None,
    }
