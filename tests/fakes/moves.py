"""Make corrections and moves with defaults, so that a test names only what it is about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connector.core.corrections.moves import Move
from connector.core.model import STAGE, STATUS, Correction, Direction, Ref


def backward_correction(record: Ref, **changes: Any) -> Correction:
    """Return the correction of a customer whose deal is open again."""
    fields: dict[str, Any] = {
        "record": record,
        "property_name": STAGE,
        "before": "customer",
        "after": "opportunity",
        "direction": Direction.BACKWARD,
        "rule": "reopened",
        "reason": "the deal is open again",
    }
    return Correction(**{**fields, **changes})


def forward_correction(record: Ref, **changes: Any) -> Correction:
    """Return the correction of a lead with a won deal."""
    fields: dict[str, Any] = {
        "record": record,
        "property_name": STAGE,
        "before": "lead",
        "after": "customer",
        "direction": Direction.FORWARD,
        "rule": "won",
        "reason": "a deal is won",
    }
    return Correction(**{**fields, **changes})


def status_correction(record: Ref, **changes: Any) -> Correction:
    """Return the correction of a blank lead status to `OPEN_DEAL`."""
    fields = {
        "property_name": STATUS,
        "before": "",
        "after": "OPEN_DEAL",
        "direction": Direction.SET,
    }
    return backward_correction(record, **{**fields, **changes})


def move_of(*corrections: Correction, at: datetime, **changes: Any) -> Move:
    """Return a move of corrections of one record, promised at that time."""
    fields: dict[str, Any] = {
        "record": corrections[0].record,
        "corrections": corrections,
        "run": "killed",
        "plan": "killed.1",
        "policy": "standard",
        "promised_at": at,
    }
    return Move(**{**fields, **changes})
