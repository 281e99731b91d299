"""Apply the corrections of a reviewed plan that still hold, and name those that do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from connector.context import RunContext, chunks
from connector.core.corrections.plan import PlanCounter
from connector.core.model import Correction, Outcome
from connector.errors import UserError
from connector.operations.sync import close_run
from connector.plan.decide_and_hold import decide_and_hold
from connector.plan.hold_back import Decided
from connector.plan.plan_file import PlanFile
from connector.plan.propose import new_tally
from connector.pull.poll import pull
from connector.push.first_use import REVIEWED_RUN, introduce_rules
from connector.push.push import push
from connector.push.recover_open_moves import log_open_moves_on_error, recover
from state import plans, runs
from state.plans import PlanHead

_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedCorrection:
    """A correction of a reviewed plan that no longer holds, and why."""

    correction: Correction
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records of a reviewed plan are applied; () and None select all.

    A record is taken whole: it belongs to the rule of each of its corrections, since its lead
    status rests on the stage that results. `limit` counts the records that still hold.
    `unfinished_rules` have records that this plan does not name: they are not introduced.
    """

    rules: tuple[str, ...] = ()
    except_rules: tuple[str, ...] = ()
    limit: int | None = None
    unfinished_rules: frozenset[str] = frozenset()

    def includes(self, corrections: Sequence[Correction]) -> bool:
        """Return whether a record with these corrections is selected by its rules."""
        names = {correction.rule for correction in corrections}
        is_wanted = not self.rules or not names.isdisjoint(self.rules)
        return is_wanted and names.isdisjoint(self.except_rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPlan:
    """How a reviewed plan was applied; `left_out` counts the records that were not selected."""

    run: str
    plan: PlanHead
    outcomes: Counter[Outcome]
    skipped: tuple[SkippedCorrection, ...]
    left_out: int = 0


def apply_plan(
    context: RunContext, plan: PlanFile, selection: Selection | None = None
) -> AppliedPlan:
    """Apply what still holds of a plan file; the file is the permission, so no limit stops it.

    The file says which records and properties are meant. What is written, by which rule and for
    which reason, is decided afresh: a correction whose decision is another one now is skipped and
    named. The rules that are applied are introduced in this portal, except those of which `limit`
    left records out. Raise UserError where the selection names a rule that the file lacks.
    """
    with (
        context.store.writer_lock(context.portal_id, holder_name="connector apply"),
        log_open_moves_on_error(context),
    ):
        selection = selection or Selection()
        _require_known_rules(plan, selection)
        return apply_records_locked(context, plan.moves.values(), selection)


def apply_records_locked(
    context: RunContext, records: Iterable[tuple[Correction, ...]], selection: Selection
) -> AppliedPlan:
    """Apply what still holds of each record's corrections, as `apply_plan` does of a file.

    The caller holds the writer's lock. The records are taken in batches, so that a plan of any
    size needs no more memory than one of them.
    """
    context = replace(context, permitted=True)
    recover(context)
    pull(context)
    with context.begin() as session:
        runs.begin(session, context.run, REVIEWED_RUN, context.api.now())
    stored = _store_plan(context, records, selection)
    outcomes: Counter[Outcome] = Counter()
    unfinished = stored.unfinished_rules | selection.unfinished_rules
    try:
        introduce_rules(context, stored.head.summary.by_rule.keys() - unfinished)
        outcomes = push(context, stored.head)
    finally:
        close_run(context, {str(outcome): count for outcome, count in sorted(outcomes.items())})
    return AppliedPlan(
        run=context.run,
        plan=stored.head,
        outcomes=outcomes,
        skipped=stored.skipped,
        left_out=stored.left_out,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredPlan:
    """What is applied of a plan file: a plan of its own; `unfinished_rules` have records left."""

    head: PlanHead
    skipped: tuple[SkippedCorrection, ...]
    left_out: int
    unfinished_rules: frozenset[str]


def _require_known_rules(plan: PlanFile, selection: Selection) -> None:
    known = {correction.rule for move in plan.moves.values() for correction in move}
    for name in (*selection.rules, *selection.except_rules):
        if name not in known:
            raise UserError(
                f"This plan has no correction by a rule {name!r}: its rules are "
                f"{', '.join(sorted(known)) or 'none'}. Nothing was written."
            )


@dataclass(slots=True)
class _Sorter:
    """Sorts the records of a plan file: applied, skipped, or left out by the selection."""

    selection: Selection
    tally: PlanCounter
    skipped: list[SkippedCorrection] = field(default_factory=list)
    left_out: int = 0
    unfinished_rules: set[str] = field(default_factory=set)

    def take(
        self, wanted: tuple[Correction, ...], decided: Decided | None
    ) -> tuple[Correction, ...]:
        """Return what is applied of a record, () for nothing."""
        valid, not_valid = _still_valid(wanted, decided)
        # A record that holds no longer has no present rule: the file says whether it is meant.
        if not self.selection.includes(valid or wanted):
            self.left_out += 1
            return ()
        # The record holds, but so many go already: a later run takes it from the same file.
        limit = self.selection.limit
        if valid and limit is not None and self.tally.corrected_records.total() >= limit:
            self.left_out += 1
            self.unfinished_rules.update(correction.rule for correction in valid)
            return ()
        self.skipped += not_valid
        if valid:
            self.tally.add(valid)
        return valid


def _store_plan(
    context: RunContext, records: Iterable[tuple[Correction, ...]], selection: Selection
) -> _StoredPlan:
    """Store what is selected and still holds as a plan of its own."""
    head = PlanHead(
        plan_id=f"{context.run}.1",
        run=context.run,
        policy_name=context.policy.name,
        policy_digest=context.policy.digest,
        created_at=context.api.now(),
    )
    with context.begin() as session:
        plans.create(session, head)
    sorter = _Sorter(selection, new_tally(context))
    for batch in chunks(records, _CHUNK):
        wanted_by_ref = {corrections[0].record: corrections for corrections in batch}
        decided_by_ref = {
            decided.decision.record: decided
            for decided in decide_and_hold(context, list(wanted_by_ref))
        }
        moves = [
            sorter.take(wanted, decided_by_ref.get(ref)) for ref, wanted in wanted_by_ref.items()
        ]
        with context.begin() as session:
            plans.add(session, head.plan_id, [move for move in moves if move])
    summary, digest = sorter.tally.summary(), sorter.tally.digest
    with context.begin() as session:
        plans.close(session, head.plan_id, summary=summary, digest=digest)
    return _StoredPlan(
        head=replace(head, summary=summary, digest=digest),
        skipped=tuple(sorter.skipped),
        left_out=sorter.left_out,
        unfinished_rules=frozenset(sorter.unfinished_rules),
    )


def _still_valid(
    wanted: Sequence[Correction], decided: Decided | None
) -> tuple[tuple[Correction, ...], list[SkippedCorrection]]:
    """Return the corrections, decided afresh, that still change what was reviewed; and the others.

    A correction holds where the same property still goes from the same value to the same value.
    """
    current = decided.decision.corrections if decided else ()
    current_by_change = {
        (correction.property_name, correction.before, correction.after): correction
        for correction in current
    }
    valid, skipped = [], []
    for correction in wanted:
        change = (correction.property_name, correction.before, correction.after)
        if change in current_by_change:
            valid.append(current_by_change[change])
        else:
            reason = _skip_reason(correction, decided)
            skipped.append(SkippedCorrection(correction=correction, reason=reason))
    return tuple(valid), skipped


def _skip_reason(correction: Correction, decided: Decided | None) -> str:
    """Return why a reviewed correction is not applied."""
    if decided is None:
        return "archived, deleted or merged since"
    for entry in decided.held_back:
        if entry.correction.property_name == correction.property_name:
            return f"{entry.cause}: {entry.reason}"
    return "changed since it was planned: decided anew by the next run"
