"""Explains a decision: every rule in order, each comparison with the value it found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connector.core.binding import BoundPolicy
from connector.core.facts import Facts
from connector.core.rules import Decision


class Verdict(StrEnum):
    """What became of a rule."""

    WON = "won"
    FAILED = "failed"
    LATER = "not reached"
    SLEEPS = "sleeps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One comparison of a rule: its text, the value that was found, and whether it held."""

    text: str
    found: str
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule as it was tried."""

    rule: str
    verdict: Verdict
    condition: str
    comparisons: tuple[Told, ...] = ()
    leads_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a record should be what it should be; one tuple of steps for each round."""

    decision: Decision
    stage_steps: tuple[Step, ...]
    status_steps: tuple[Step, ...]


def explain(
    policy: BoundPolicy, facts: Facts, *, pinned: frozenset[str] = frozenset()
) -> Explanation:
    """Return the decision together with every rule in order, and what each comparison found."""
    raise NotImplementedError
