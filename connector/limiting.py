"""Hold a plan against the limits, and stop a run whose corrections do not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connector.core.limits import (
    CANARY_OVER,
    DAY,
    WINDOWS,
    Limits,
    Load,
    crowds,
    excess,
    is_failing,
)
from connector.core.model import ObjectType, Ref
from connector.desk import Desk
from connector.ending import UNHEEDED, unheeded
from connector.errors import UserError
from connector.giving_back import Ending
from connector.pausing import refuse_if_paused
from state import audit, mirror, sendings
from state.plans import PlanHead

# A small run says little by itself: its endings count together with those of the last hour.
_LATELY = timedelta(hours=1)


class OverLimit(UserError):  # noqa: N818 - named by what it is; its family says error
    """A plan is larger than what may be sent without a person having seen it."""


class Stopped(UserError):  # noqa: N818 - named by what it is; its family says error
    """A run was stopped, because what it wrote did not hold."""


def check(desk: Desk, plan: PlanHead) -> None:
    """Raise Paused or OverLimit where nothing of this plan may be sent now."""
    refuse_if_paused(desk.store, desk.portal_id)
    if desk.permitted:
        return
    limits = Limits.of(desk.policy.policy)
    over = [said for load in _loads(desk, plan) if (said := excess(limits, load))]
    over += _crowded(desk, plan, limits)
    if over:
        raise OverLimit(
            f"Portal {desk.portal_id}: this plan is over a limit: {'; '.join(over)}. Nothing of it "
            "was sent, and everything stays due. Look at it with `connector plan --out plan.json`; "
            "`connector apply plan.json` then allows just this plan. (The limits are settings of "
            "the policy: limits.always, limits.day_share, limits.day_backward_share, "
            "limits.hour_share, limits.hour_backward_share, limits.company.)"
        )


def _loads(desk: Desk, plan: PlanHead) -> list[Load]:
    """Return, for each type, what the plan would send and what the last day and hour saw sent."""
    now = desk.door.now()
    with desk.store.reading() as session:
        sent = {
            hours: sendings.since(session, desk.portal_id, now - timedelta(hours=hours))
            for hours in WINDOWS
        }
        mirrored = mirror.count(session, desk.portal_id)
    planned = plan.summary["records_to_correct"]
    backward = plan.summary["records_backward"]
    return [
        Load(
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


def _crowded(desk: Desk, plan: PlanHead, limits: Limits) -> list[str]:
    """Return the companies of which the plan would correct too many contacts."""
    planned = plan.summary.get("contacts_of_companies", {})
    with desk.store.reading() as session:
        since = desk.door.now() - timedelta(hours=DAY)
        companies = [Ref.parse(one) for one in planned]
        sent = sendings.of_companies(session, desk.portal_id, companies, since)
    return crowds(limits, planned, {str(ref): count for ref, count in sent.items()})


@dataclass(slots=True)
class Watch:
    """Watches how a plan's corrections end, batch by batch, and those of the last hour."""

    desk: Desk
    records: int
    _ended: Counter[bool] = field(default_factory=Counter)

    @property
    def first(self) -> int:
        """Return how many records go first: a few of a large plan, none of a small one."""
        canary = Limits.of(self.desk.policy.policy).canary
        return canary if self.records > CANARY_OVER else 0

    def note(self, endings: Sequence[Ending]) -> None:
        """Raise Stopped where too much of this batch, or of all so far, did not hold.

        A small run is judged together with what the last hour's runs came to.
        """
        batch = Counter(unheeded(one) for one in endings)
        self._ended += batch
        for counts in (batch, self._ended, self._lately() if batch[True] else batch):
            if is_failing(counts.total(), counts[True]):
                raise Stopped(self._told(endings))

    def _lately(self) -> Counter[bool]:
        """Count what held and what did not within the last hour, by the audit."""
        since = self.desk.door.now() - _LATELY
        with self.desk.store.reading() as session:
            ended = audit.count(session, self.desk.portal_id, since=since)
        found: Counter[bool] = Counter()
        for outcome, count in ended.items():
            found[outcome in UNHEEDED] += count
        return found

    def _told(self, endings: Sequence[Ending]) -> str:
        failed = [one for one in endings if unheeded(one)]
        outcomes = Counter(str(one.outcome) for one in failed)
        said = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
        note = f" ({failed[0].correction.record}: {failed[0].note})" if failed else ""
        return (
            f"Run {self.desk.run} was stopped: of the last {len(endings)} corrections {said}"
            f"{note}. Nothing more was sent, and the rest stays due. "
            f"`connector audit --run {self.desk.run}` shows what was written; "
            f"`connector undo {self.desk.run}` takes it back."
        )
