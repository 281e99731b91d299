"""Compare two policies on the mirror: what would change if the new replaced the old."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.config.known_database import open_known_store
from connector.config.settings import Settings
from connector.context import DecisionContext, Progress, no_progress
from connector.core.decide.decision import Decision, decide
from connector.core.model import STAGE, Correction, Portal, Ref
from connector.core.policy.load import Policy
from connector.plan.gather import gather
from connector.reports.offline import (
    ORDER,
    OfflineHubSpot,
    OfflineInputs,
    all_refs,
    last_pulled_portal,
    offline_context,
)

_EXAMPLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One property of one record on which the two policies differ.

    `new` and `old` are the corrections of either policy, None where it keeps the value.
    """

    record: Ref
    property_name: str
    current: str
    old: Correction | None
    new: Correction | None


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What would change, counted by rule and direction, with the first changes as examples."""

    portal: Portal
    new: str
    old: str
    looked_at: Counter[str] = field(default_factory=Counter)
    records: int = 0
    added: Counter[tuple[str, str]] = field(default_factory=Counter)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[Change] = field(default_factory=list)
    unknown_histories: int = 0
    is_cut: bool = False

    def add(self, changes: Sequence[Change]) -> None:
        """Count the changes of one record."""
        self.records += bool(changes)
        for change in changes:
            for counts, correction in ((self.added, change.new), (self.dropped, change.old)):
                if correction:
                    counts[correction.rule, str(correction.direction)] += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append(change)


def compare(
    settings: Settings, new: Policy, old: Policy, *, now: datetime, progress: Progress = no_progress
) -> Comparison:
    """Return what would change in the mirrored portal; no request is sent to HubSpot."""
    with open_known_store(settings) as store:
        inputs = OfflineInputs(
            store=store, portal=last_pulled_portal(store, settings), api=OfflineHubSpot(now)
        )
        return compare_on_mirror(inputs, new, old, progress=progress)


def compare_on_mirror(
    inputs: OfflineInputs,
    new: Policy,
    old: Policy,
    *,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> Comparison:
    """Return what would change in an open mirror.

    About `limit` records of each type are looked at, None for all; the comparison says whether
    it was cut. Raises UserError where a policy does not fit the portal, with line and column.
    """
    new_context = offline_context(inputs, new, progress=progress)
    old_context = offline_context(inputs, old, progress=progress)
    comparison = Comparison(portal=inputs.portal, new=_name(new), old=_name(old))
    for kind in ORDER:
        for refs in all_refs(new_context, (kind,)):
            if limit is not None and comparison.looked_at[str(kind)] >= limit:
                comparison.is_cut = True
                break
            _compare_records(new_context, old_context, refs, comparison)
    comparison.unknown_histories = len(inputs.api.unread)
    return comparison


def _name(policy: Policy) -> str:
    return f"{policy.name} ({policy.source})"


def _compare_records(
    new_context: DecisionContext,
    old_context: DecisionContext,
    refs: Sequence[Ref],
    comparison: Comparison,
) -> None:
    """Decide some records by both policies, and count where they differ."""
    old_decisions = {
        facts.record: decide(old_context.policy, facts) for facts in gather(old_context, refs)
    }
    for facts in gather(new_context, refs):
        comparison.looked_at[str(facts.record.object_type)] += 1
        comparison.add(
            tuple(_changes(decide(new_context.policy, facts), old_decisions[facts.record]))
        )
    new_context.progress("compare", comparison.looked_at.total(), None)


def _changes(new: Decision, old: Decision) -> Iterator[Change]:
    """Yield each property that the two decisions leave with different values."""
    new_corrections = {correction.property_name: correction for correction in new.corrections}
    old_corrections = {correction.property_name: correction for correction in old.corrections}
    for name in sorted(
        {*new_corrections, *old_corrections},
        key=lambda property_name: (property_name != STAGE, property_name),
    ):
        new_correction, old_correction = new_corrections.get(name), old_corrections.get(name)
        either = new_correction or old_correction
        if either and (new_correction.after if new_correction else either.before) != (
            old_correction.after if old_correction else either.before
        ):
            yield Change(
                record=new.record,
                property_name=name,
                current=either.before,
                old=old_correction,
                new=new_correction,
            )
