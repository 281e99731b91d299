"""What a plan says: its corrections in the operator's JSON, counted and digested."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connector.core.model import STAGE, Correction, Direction, Ref


def correction_json(correction: Correction) -> dict[str, object]:
    """Return a correction as the operator's contract writes it.

    >>> nine = Ref.parse("contacts/9")
    >>> correction_json(Correction(record=nine, property_name=STAGE, before="", after="lead",
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


def parse_correction(data: Mapping[str, object]) -> Correction:
    """Read a correction as `line` wrote it; raise KeyError or ValueError otherwise."""
    evidence = data["evidence"]
    return Correction(
        record=Ref.parse(str(data["record"])),
        property_name=str(data["property_name"]),
        before=str(data["before"]),
        after=str(data["after"]),
        direction=Direction(str(data["direction"])),
        rule=str(data["rule"]),
        reason=str(data["reason"]),
        evidence=tuple(str(item) for item in evidence) if isinstance(evidence, list) else (),
    )


def digest_prefix(portal_id: str, policy_digest: str) -> bytes:
    """Return what a plan's digest begins with: the portal and the policy that it is for."""
    return f"{portal_id}\n{policy_digest}\n".encode()


_MAX_COMPANIES: Final = 20
"""Of so many companies, those with most contacts in a plan, the contacts are counted."""


@dataclass(slots=True)
class PlanCounter:
    """Counts and digests corrections while they stream by; `ground` is a part of the digest.

    `changes` names the dates that a correction changes besides.
    """

    digest_prefix: bytes = b""
    changed_dates: Callable[[Correction], Iterable[str]] = lambda _: ()
    decided_records: Counter[str] = field(default_factory=Counter)
    corrected_records: Counter[str] = field(default_factory=Counter)
    backward_records: Counter[str] = field(default_factory=Counter)
    stage_dates: Counter[str] = field(default_factory=Counter)
    native_sync_contacts: Counter[str] = field(default_factory=Counter)
    company_contacts: Counter[str] = field(default_factory=Counter)
    directions: Counter[str] = field(default_factory=Counter)
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_alone: Counter[str] = field(default_factory=Counter)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self._hash.update(self.digest_prefix)

    def count_decided(self, ref: Ref) -> None:
        """Count a record that was decided."""
        self.decided_records[str(ref.object_type)] += 1

    def count_left_alone(self, reason: str) -> None:
        """Count a record, or a correction, that was left alone."""
        self.left_alone[reason] += 1

    def add(self, corrections: Sequence[Correction]) -> None:
        """Count and digest the corrections of one record."""
        object_type = str(corrections[0].record.object_type)
        self.corrected_records[object_type] += 1
        self.backward_records[object_type] += clears_first(corrections)
        for correction in corrections:
            self.directions[str(correction.direction)] += 1
            self.rules[correction.rule, str(correction.direction)] += 1
            text = json.dumps(
                correction_json(correction),
                sort_keys=True,
                ensure_ascii=False,
                separators=(",", ":"),
            )
            self._hash.update(text.encode() + b"\n")
            self.stage_dates.update(self.changed_dates(correction))

    @property
    def digest(self) -> str:
        """Return the digest of all corrections so far."""
        return self._hash.hexdigest()

    def _by_rule(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for (rule, direction), count in sorted(self.rules.items()):
            counts.setdefault(rule, {})[direction] = count
        return counts

    def summary(self) -> dict[str, object]:
        """Return the figures as a plan's JSON shows them."""
        return {
            "records_looked_at": dict(sorted(self.decided_records.items())),
            "records_to_correct": dict(sorted(self.corrected_records.items())),
            "records_backward": dict(sorted((+self.backward_records).items())),
            "corrections": self.directions.total(),
            "by_direction": {
                str(direction): self.directions[str(direction)] for direction in Direction
            },
            "by_rule": self._by_rule(),
            "left_alone": dict(sorted(self.left_alone.items())),
            "contacts_of_companies": dict(self.company_contacts.most_common(_MAX_COMPANIES)),
            "side_effects": {
                "stage_dates_changed": dict(sorted(self.stage_dates.items())),
                "contacts_behind_their_company": dict(sorted(self.native_sync_contacts.items())),
            },
        }


def clears_first(corrections: Sequence[Correction]) -> bool:
    """Whether a record's stage must be cleared before it can be set."""
    return any(
        correction.property_name == STAGE and correction.direction is Direction.BACKWARD
        for correction in corrections
    )
