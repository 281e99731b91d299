"""Define the move: the steps that change one record without leaving it blank."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connector.core.model import STAGE, Correction, Direction, Ref


class Phase(StrEnum):
    """The phase of an open move, stored before the request of that phase is sent."""

    PROMISED = "promised"
    MARKING = "marking"
    CLEARING = "clearing"
    CLEARED = "cleared"
    SETTING = "setting"
    SET = "set"
    RESTORING = "restoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The corrections of one record, promised in the outbox before anything is sent.

    `last_read` says when and to what each property had been set, as read before the promise.
    """

    record: Ref
    corrections: tuple[Correction, ...]
    run: str
    plan: str
    policy: str
    promised_at: datetime
    phase: Phase = Phase.PROMISED
    last_read: Mapping[str, tuple[datetime, str]] = field(default_factory=dict)

    @property
    def stage_correction(self) -> Correction | None:
        """Return the correction of the lifecycle stage, if there is one."""
        return next(
            (correction for correction in self.corrections if correction.property_name == STAGE),
            None,
        )

    @property
    def clears_first(self) -> bool:
        """Return whether the stage moves backward, which HubSpot takes only after a clear."""
        correction = self.stage_correction
        return correction is not None and correction.direction is Direction.BACKWARD

    @property
    def target_values(self) -> dict[str, str]:
        """Return the values that the record shall have at the end, by property name."""
        return {correction.property_name: correction.after for correction in self.corrections}

    @property
    def original_values(self) -> dict[str, str]:
        """Return the values on which the decision rests, by property name."""
        return {correction.property_name: correction.before for correction in self.corrections}


def correction_key(correction: Correction) -> str:
    """Return the content key: the same correction on the same evidence has the same key."""
    return f"{correction.record} {correction_digest(correction)}"


def correction_digest(correction: Correction) -> str:
    """Return the part of the content key without the record, which a merge does not change."""
    parts = (
        correction.property_name,
        correction.before,
        correction.after,
        correction.rule,
        *correction.evidence,
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
