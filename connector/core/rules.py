"""Decides: facts in, the stage and the lead status that a record should have out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connector.core.binding import BoundPolicy
from connector.core.facts import Facts
from connector.core.model import Correction, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a record should be; `stage` and `status` are what results, "" for blank.

    `rules` holds every rule that won on the way, `rule` names the last that moved the stage, or
    the one that keeps it. An unsettled decision corrects nothing. `due_at` is when time
    alone may change it.
    """

    record: Ref
    stage: str
    status: str
    corrections: tuple[Correction, ...]
    rule: str
    reason: str
    settled: bool = True
    due_at: datetime | None = None
    rules: tuple[str, ...] = ()


def decide(policy: BoundPolicy, facts: Facts, *, pinned: frozenset[str] = frozenset()) -> Decision:
    """Return what a record should be; properties named in `pinned` stay as they are."""
    raise NotImplementedError
