"""Gather what the pages show that lead to an action: the plan that waits, runs, and undo."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from connector.core.model import STAGE, Correction, Direction
from connector.errors import UserError
from connector.operations.require_known import require_record, require_run
from connector.operations.review_plan import REVIEWS, PlanPart, read_part, waiting_plan
from connector.operations.undo import RULE, Selection, selected_writes
from connector.web.dashboard.source import DashboardSource
from state import audit, operator_actions, plans, runs
from state.plans import PlanHead

Page = dict[str, Any]
_SHOWN_RECORDS: Final = 200
_SHOWN_RUNS: Final = 100
_SHOWN_ACTIONS: Final = 8
_EXAMPLES: Final = 3
_MAX_SEARCHED: Final = 5_000
"""So many records of a plan are looked through for examples of each rule."""


def corrections_page(source: DashboardSource, rule: str) -> Page:
    """Return the plan that waits, by rule with examples; of one rule each record."""
    with source.store.reading(source.portal_id) as session:
        head = plans.latest(session)
        held_back = (
            [
                entry
                for _, entry in plans.read_held_back(session, head.plan_id, limit=_SHOWN_RECORDS)
            ]
            if head
            else []
        )
        reviews = [
            action for action in operator_actions.read(session, limit=100) if action.verb in REVIEWS
        ]
    if head is None:
        return {"plan": None, "rule": rule, "reviews": reviews[:_SHOWN_ACTIONS]}
    part = PlanPart(digest=head.digest, rule=rule)
    records = read_part(source.context(), part, head.plan_id)
    shown = list(islice(records, _SHOWN_RECORDS + 1)) if rule else []
    return {
        "plan": head,
        "rule": rule,
        "reviews": reviews[:_SHOWN_ACTIONS],
        "examples": {} if rule else _examples(source, head),
        "records": shown[:_SHOWN_RECORDS],
        "has_more": len(shown) > _SHOWN_RECORDS,
        "held_back": held_back,
    }


def confirm_page(source: DashboardSource, part: PlanPart, verdict: str) -> Page:
    """Return what an approval or rejection would concern; UserError where the plan is another."""
    if verdict not in {"approve", "reject"}:
        raise UserError("Say whether to approve or to reject: open the page Corrections.")
    with source.store.reading(source.portal_id) as session:
        head = waiting_plan(session, part)
    counts = {"records": 0, "corrections": 0, "backward": 0}
    examples: list[Correction] = []
    for corrections in read_part(source.context(), part, head.plan_id):
        meant = [
            correction
            for correction in corrections
            if verdict == "approve" or not part.rule or correction.rule == part.rule
        ]
        counts["records"] += 1
        counts["corrections"] += len(meant)
        counts["backward"] += any(map(_clears_stage, meant))
        examples += meant[: max(0, 20 - len(examples))]
    if not counts["records"]:
        raise UserError("The plan that waits has no such correction: look at the page Corrections.")
    return {"part": part, "verdict": verdict, "counts": counts, "examples": examples, "plan": head}


def undo_page(source: DashboardSource, selection: Selection) -> Page:
    """Return what an undo would look at: our writes that ended well, and the values before."""
    context = source.context()
    with source.store.reading(source.portal_id) as session:
        if selection.run:
            require_run(session, selection.run)
        if selection.record:
            require_record(session, selection.record)
    writes = [write for write in selected_writes(context, selection) if write.before != write.after]
    return {
        "selection": selection,
        "writes": writes[:_SHOWN_RECORDS],
        "count": len(writes),
        "is_undo": any(write.rule == RULE for write in writes),
    }


def runs_page(source: DashboardSource) -> Page:
    """Return the newest runs, with who asked for them, and what people did here."""
    with source.store.reading(source.portal_id) as session:
        newest = runs.read(session, limit=_SHOWN_RUNS)
        actions = operator_actions.read(session, limit=_SHOWN_RUNS)
    users = {action.outcome_run: action.user for action in actions if action.outcome_run}
    return {"runs": newest, "users": users, "actions": actions}


def run_page(source: DashboardSource, run_id: str) -> Page:
    """Return one run: its plan where it is still stored, and its outcomes line by line."""
    with source.store.reading(source.portal_id) as session:
        require_run(session, run_id)
        run = runs.get(session, run_id)
        lines = list(audit.read(session, run=run_id, limit=_SHOWN_RECORDS))
        plan = plans.get(session, f"{run_id}.1")
        asked = [
            action for action in operator_actions.read(session) if action.outcome_run == run_id
        ]
    return {"run": run, "run_id": run_id, "lines": lines, "plan": plan, "asked": asked}


def _examples(source: DashboardSource, head: PlanHead) -> dict[str, list[Correction]]:
    """Return the first corrections of each rule; no more of the plan is read than they need."""
    examples: dict[str, list[Correction]] = {rule: [] for rule in head.summary.by_rule}
    missing = {
        rule: min(_EXAMPLES, sum(counts.values())) for rule, counts in head.summary.by_rule.items()
    }
    records = read_part(source.context(), PlanPart(digest=head.digest), head.plan_id)
    for corrections in islice(records, _MAX_SEARCHED):
        for correction in corrections:
            if missing.get(correction.rule):
                examples[correction.rule].append(correction)
                missing[correction.rule] -= 1
        if not any(missing.values()):
            break
    return examples


def _clears_stage(correction: Correction) -> bool:
    return correction.property_name == STAGE and correction.direction is Direction.BACKWARD
