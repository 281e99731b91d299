"""What a plan says: its corrections in the operator's JSON, counted and digested."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connector.core.model import STAGE, Correction, Direction, Ref


def line(correction: Correction) -> dict[str, object]:
    """Return a correction as the operator's contract writes it.

    >>> nine = Ref.parse("contacts/9")
    >>> line(Correction(record=nine, property_name=STAGE, before="", after="lead",
    ...                 direction=Direction.FORWARD, rule="blank", reason="…"))["record"]
    'contacts/9'
    """
    return {
        "record": str(correction.record),
        "property_name": correction.property_name,
        "before": correction.before,
        "after": correction.after,
        "direction": str(correction.direction),
        "rule": correction.rule,
        "reason": correction.reason,
        "evidence": list(correction.evidence),
    }


def correction(written: Mapping[str, object]) -> Correction:
    """Read a correction as `line` wrote it; raise KeyError or ValueError otherwise."""
    evidence = written["evidence"]
    return Correction(
        record=Ref.parse(str(written["record"])),
        property_name=str(written["property_name"]),
        before=str(written["before"]),
        after=str(written["after"]),
        direction=Direction(str(written["direction"])),
        rule=str(written["rule"]),
        reason=str(written["reason"]),
        evidence=tuple(str(one) for one in evidence) if isinstance(evidence, list) else (),
    )


def ground(portal_id: str, policy_digest: str) -> bytes:
    """Return what a plan's digest begins with: the portal and the policy that it is for."""
    return f"{portal_id}\n{policy_digest}\n".encode()


_CROWDS: Final = 20
"""Of so many companies, those with most contacts in a plan, the contacts are counted."""


@dataclass(slots=True)
class Tally:
    """Counts and digests corrections while they stream by; `ground` is a part of the digest.

    `changes` names the dates that a correction changes besides.
    """

    ground: bytes = b""
    changes: Callable[[Correction], Iterable[str]] = lambda _: ()
    looked_at: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    backward: Counter[str] = field(default_factory=Counter)
    dates: Counter[str] = field(default_factory=Counter)
    carried: Counter[str] = field(default_factory=Counter)
    companies: Counter[str] = field(default_factory=Counter)
    directions: Counter[str] = field(default_factory=Counter)
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_alone: Counter[str] = field(default_factory=Counter)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self._hash.update(self.ground)

    def look(self, ref: Ref) -> None:
        """Count a record that was decided."""
        self.looked_at[str(ref.object_type)] += 1

    def leave(self, why: str) -> None:
        """Count a record, or a correction, that was left alone."""
        self.left_alone[why] += 1

    def add(self, corrections: Sequence[Correction]) -> None:
        """Count and digest the corrections of one record."""
        kind = str(corrections[0].record.object_type)
        self.records[kind] += 1
        self.backward[kind] += clears_first(corrections)
        for one in corrections:
            self.directions[str(one.direction)] += 1
            self.rules[one.rule, str(one.direction)] += 1
            text = json.dumps(line(one), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            self._hash.update(text.encode() + b"\n")
            self.dates.update(self.changes(one))

    @property
    def digest(self) -> str:
        """Return the digest of all corrections so far."""
        return self._hash.hexdigest()

    def _by_rule(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for (rule, direction), count in sorted(self.rules.items()):
            found.setdefault(rule, {})[direction] = count
        return found

    def summary(self) -> dict[str, object]:
        """Return the figures as a plan's JSON shows them."""
        return {
            "records_looked_at": dict(sorted(self.looked_at.items())),
            "records_to_correct": dict(sorted(self.records.items())),
            "records_backward": dict(sorted((+self.backward).items())),
            "corrections": self.directions.total(),
            "by_direction": {str(one): self.directions[str(one)] for one in Direction},
            "by_rule": self._by_rule(),
            "left_alone": dict(sorted(self.left_alone.items())),
            "contacts_of_companies": dict(self.companies.most_common(_CROWDS)),
            "side_effects": {
                "stage_dates_changed": dict(sorted(self.dates.items())),
                "contacts_behind_their_company": dict(sorted(self.carried.items())),
            },
        }


def clears_first(corrections: Sequence[Correction]) -> bool:
    """Whether a record's stage must be cleared before it can be set."""
    return any(
        one.property_name == STAGE and one.direction is Direction.BACKWARD for one in corrections
    )
