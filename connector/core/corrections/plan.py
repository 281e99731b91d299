"""Write a plan's corrections as JSON, count them and digest them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from connector.core.model import STAGE, Correction, Direction, Ref


def correction_json(correction: Correction) -> dict[str, object]:
    """Return a correction as JSON, in the form of `connector plan --json`.

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
    """Read a correction as `correction_json` wrote it; raise KeyError or ValueError otherwise."""
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
    """Return the beginning of the text that a plan's digest is made of: portal and policy."""
    return f"{portal_id}\n{policy_digest}\n".encode()


_MAX_COMPANIES: Final = 20
"""The number of companies, those with most contacts in a plan, whose contacts are counted."""

_MAX_CONTACTS: Final = 5
"""So many contacts of a company that waits are named."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwantedGroup:
    """Records that a plan treats alike, and the setting that would treat them otherwise.

    `kind` tells the groups of one rule apart; `text` says what the records have in common and
    what becomes of them; `examples` names up to three. `setting` is a line for a policy file.
    `is_corrected` says whether the plan changes them or leaves them as they are.
    """

    rule: str
    kind: str
    object_type: str
    records: int
    text: str
    examples: tuple[str, ...]
    setting: str
    is_corrected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """The figures of a plan; record counts are by object type.

    `by_rule` counts corrections by rule and then by direction. `contacts_of_companies` counts
    the contacts to correct by company, of the companies with most of them.
    `contacts_behind_their_company` counts what HubSpot's own company sync may carry along:
    companies, their contacts, and the companies that wait for a permission. `waiting_companies`
    names the first of these with some of the contacts that wait behind them. `unwanted` holds
    what somebody may not want of rules that are new in the portal.
    """

    records_looked_at: Counts = field(default_factory=dict)
    records_to_correct: Counts = field(default_factory=dict)
    records_backward: Counts = field(default_factory=dict)
    corrections: int = 0
    by_direction: Counts = field(default_factory=dict)
    by_rule: Mapping[str, Counts] = field(default_factory=dict)
    left_alone: Counts = field(default_factory=dict)
    contacts_of_companies: Counts = field(default_factory=dict)
    stage_dates_changed: Counts = field(default_factory=dict)
    contacts_behind_their_company: Counts = field(default_factory=dict)
    waiting_companies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unwanted: tuple[UnwantedGroup, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the figures as a plan's JSON shows them.

        >>> PlanSummary(corrections=3).document()["corrections"]
        3
        """
        counts = asdict(self)
        side_effects = {name: counts.pop(name) for name in _SIDE_EFFECTS}
        return {**counts, "side_effects": side_effects}


_SIDE_EFFECTS: Final = (
    "contacts_behind_their_company",
    "stage_dates_changed",
    "waiting_companies",
)


def parse_summary(document: Mapping[str, Any]) -> PlanSummary:
    """Read figures as `PlanSummary.document` wrote them; an empty document has none.

    >>> parse_summary(PlanSummary(corrections=3).document()).corrections
    3
    """
    counts = {**document, **document.get("side_effects", {})}
    counts["unwanted"] = tuple(
        UnwantedGroup(**{**group, "examples": tuple(group["examples"])})
        for group in counts.get("unwanted", ())
    )
    names = {item.name for item in fields(PlanSummary)}
    return PlanSummary(**{name: value for name, value in counts.items() if name in names})


@dataclass(slots=True)
class PlanCounter:
    """Counts and digests corrections while they stream by; the digest begins with `digest_prefix`.

    `changed_dates` names the dates that a correction changes besides.
    """

    digest_prefix: bytes = b""
    changed_dates: Callable[[Correction], Iterable[str]] = lambda _: ()
    decided_records: Counter[str] = field(default_factory=Counter)
    corrected_records: Counter[str] = field(default_factory=Counter)
    backward_records: Counter[str] = field(default_factory=Counter)
    stage_dates: Counter[str] = field(default_factory=Counter)
    native_sync_contacts: Counter[str] = field(default_factory=Counter)
    company_contacts: Counter[str] = field(default_factory=Counter)
    waiting_companies: dict[str, Sequence[str]] = field(default_factory=dict)
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

    def name_waiting(self, company: Ref, contacts: Sequence[Ref]) -> None:
        """Name a company that waits for a permission, with some of its contacts."""
        if len(self.waiting_companies) < _MAX_COMPANIES:
            self.waiting_companies[str(company)] = [str(ref) for ref in contacts[:_MAX_CONTACTS]]

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

    def summary(self) -> PlanSummary:
        """Return the figures so far."""
        return PlanSummary(
            records_looked_at=dict(sorted(self.decided_records.items())),
            records_to_correct=dict(sorted(self.corrected_records.items())),
            records_backward=dict(sorted((+self.backward_records).items())),
            corrections=self.directions.total(),
            by_direction={
                str(direction): self.directions[str(direction)] for direction in Direction
            },
            by_rule=self._by_rule(),
            left_alone=dict(sorted(self.left_alone.items())),
            contacts_of_companies=dict(self.company_contacts.most_common(_MAX_COMPANIES)),
            stage_dates_changed=dict(sorted(self.stage_dates.items())),
            contacts_behind_their_company=dict(sorted(self.native_sync_contacts.items())),
            waiting_companies=dict(self.waiting_companies),
        )


def clears_first(corrections: Sequence[Correction]) -> bool:
    """Return whether a record's stage must be cleared before it can be set."""
    return any(
        correction.property_name == STAGE and correction.direction is Direction.BACKWARD
        for correction in corrections
    )
