"""Hold a plan against the limits, and stop a run whose corrections do not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connector.context import RunContext
from connector.core.corrections.limits import (
    CANARY_THRESHOLD,
    DAY,
    WINDOWS,
    Limits,
    RecentCount,
    companies_over_limit,
    is_failing,
    limit_excess,
)
from connector.core.corrections.moves import correction_key
from connector.core.decide.decision import stage_direction
from connector.core.model import Direction, ObjectType, Ref
from connector.errors import UserError
from connector.push.finish_moves import FAILURES, is_failure
from connector.push.pause import refuse_if_paused
from connector.push.restore_edits import CorrectionResult
from state import audit_counts, mirror, recent_writes
from state.plans import PlanHead

# A small run says little by itself: its endings count together with those of the last hour.
_RECENT = timedelta(hours=1)


class OverLimit(UserError):
    """A plan is larger than what may be sent without a person having seen it."""


class RunStopped(UserError):
    """A run was stopped, because what it wrote did not hold."""


def check_limits(context: RunContext, plan: PlanHead) -> None:
    """Raise Paused or OverLimit where nothing of this plan may be sent now."""
    refuse_if_paused(context.store, context.portal_id)
    if context.permitted:
        return
    if exceeded := exceeded_limits(context, plan):
        raise OverLimit(
            f"Portal {context.portal_id}: this plan is over a limit: {'; '.join(exceeded)}. "
            "Nothing of it "
            "was sent, and everything stays due. Look at it with `connector plan --out plan.json`; "
            "`connector apply plan.json` then allows just this plan. (The limits are settings of "
            "the policy: limits.always, limits.day_share, limits.day_backward_share, "
            "limits.hour_share, limits.hour_backward_share, limits.company.)"
        )


def exceeded_limits(context: RunContext, plan: PlanHead) -> list[str]:
    """Return each limit that a plan exceeds, in words with the figures; [] where it fits."""
    limits = Limits.from_policy(context.policy.policy)
    excesses = [
        message
        for recent_count in _recent_counts(context, plan)
        if (message := limit_excess(limits, recent_count))
    ]
    return [*excesses, *_crowded_companies(context, plan, limits)]


def _recent_counts(context: RunContext, plan: PlanHead) -> list[RecentCount]:
    """Return, for each type, what the plan would send and what the last day and hour saw sent."""
    now = context.api.now()
    with context.reading() as session:
        sent = {
            hours: recent_writes.count_since(session, now - timedelta(hours=hours))
            for hours in WINDOWS
        }
        mirrored = mirror.count(session)
    planned = plan.summary.records_to_correct
    backward = plan.summary.records_backward
    return [
        RecentCount(
            object_type=kind,
            planned=planned.get(str(kind), 0),
            planned_backward=backward.get(str(kind), 0),
            sent=sent[hours][kind].records,
            sent_backward=sent[hours][kind].backward,
            mirrored=mirrored[kind],
            hours=hours,
        )
        for kind in (ObjectType.COMPANIES, ObjectType.CONTACTS)
        for hours in WINDOWS
    ]


def _crowded_companies(context: RunContext, plan: PlanHead, limits: Limits) -> list[str]:
    """Return the companies of which the plan would correct too many contacts."""
    planned = plan.summary.contacts_of_companies
    with context.reading() as session:
        since = context.api.now() - timedelta(hours=DAY)
        companies = [Ref.parse(company_id) for company_id in planned]
        sent = recent_writes.count_by_company(session, companies, since)
    return companies_over_limit(limits, planned, {str(ref): count for ref, count in sent.items()})


@dataclass(slots=True)
class FailureMonitor:
    """Watches how a plan's corrections end, batch by batch, and those of the last hour."""

    context: RunContext
    records: int
    _failure_counts: Counter[bool] = field(default_factory=Counter)

    @property
    def canary_size(self) -> int:
        """Return how many records go first: a few of a large plan, none of a small one."""
        canary = Limits.from_policy(self.context.policy.policy).canary
        return canary if self.records > CANARY_THRESHOLD else 0

    def check_results(self, results: Sequence[CorrectionResult]) -> None:
        """Raise RunStopped where too much of this batch, or of all so far, did not hold.

        A small run is judged together with what the last hour's runs came to. Left out is what
        says nothing new: a refused clear, which changed nothing and stops only the backward
        moves of its type, and a correction that failed before and is quarantined by now.
        """
        batch_counts = Counter(
            is_failure(result)
            for result in results
            if not result.is_clear
            and correction_key(result.correction) not in self.context.state.failed_again
        )
        self._failure_counts += batch_counts
        for counts in (
            batch_counts,
            self._failure_counts,
            self._last_hour_counts() if batch_counts[True] else batch_counts,
        ):
            if is_failing(counts.total(), counts[True]):
                raise RunStopped(self._stop_message(results))

    def _last_hour_counts(self) -> Counter[bool]:
        """Count what held and what did not within the last hour, by the audit."""
        since = self.context.api.now() - _RECENT
        with self.context.reading() as session:
            outcome_counts = audit_counts.count_outcomes(session, since=since)
            refused_stages = audit_counts.count_refused_stages(session, since=since)
        failure_counts: Counter[bool] = Counter()
        for outcome, count in outcome_counts.items():
            failure_counts[outcome in FAILURES] += count
        failure_counts[True] -= sum(
            count
            for (kind, before, after), count in refused_stages.items()
            if stage_direction(self.context.policy.object_policies[kind], before, after)
            is Direction.BACKWARD
        )
        return failure_counts

    def _stop_message(self, results: Sequence[CorrectionResult]) -> str:
        failures = [result for result in results if is_failure(result)]
        outcomes = Counter(str(failure.outcome) for failure in failures)
        summary = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
        note = f" ({failures[0].correction.record}: {failures[0].note})" if failures else ""
        return (
            f"Run {self.context.run} was stopped: of the last {len(results)} corrections {summary}"
            f"{note}. Nothing more was sent, and the rest stays due. "
            f"`connector audit --run {self.context.run}` shows what was written; "
            f"`connector undo {self.context.run}` takes it back."
        )
