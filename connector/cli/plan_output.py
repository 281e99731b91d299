"""Show a plan, or write it to a file: for people, for scripts, for a pull request."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, TextIO

from connector.cli.render import plan as plan_view
from connector.cli.render.console import console, echo, open_private, write_json
from connector.cli.render.context_line import context_document
from connector.cli.render.plan_formats import write_csv_plan, write_json_plan, write_markdown_plan
from connector.cli.render.plan_page import write_html_plan
from connector.cli.setup import context_labels
from connector.config.policy_choice import OPTION, remembered_name
from connector.context import RunContext
from connector.core.corrections.holds import HeldBack
from connector.core.model import Correction
from connector.operations.follow_up_tasks import upcoming_tasks, wants_tasks
from connector.plan.propose import propose
from connector.plan.workflows import enrolling_workflows
from connector.pull.poll import require_mirror
from connector.push.enforce_limits import exceeded_limits
from connector.push.pause import pause_reason
from connector.push.push import plan_corrections
from state import mirror, plans
from state.db.pages import read_pages
from state.plans import PlanHead

_MAX_HELD_BACK: Final = 12
_MAX_SEARCHED: Final = 20_000
"""So many corrections are looked through for examples of each rule."""


def show_plan(
    context: RunContext, output_format: str, out: Path | None = None, *, as_json: bool = False
) -> int:
    """Show a fresh plan, or write it to a file; return how many corrections it holds."""
    require_mirror(context)
    head = propose(context)
    document = {
        **plan_document(context, head),
        **_consequences(context, head),
        "policy_source": remembered_name(context.origin.policy),
    }
    where = {"context": context_document(context.portal_id, context.origin, writes="nothing")}
    if out is not None:
        file_format = "json" if output_format == "text" else output_format
        with open_private(out) as file:
            _write_plan(context, head, document, file, file_format)
        if as_json:
            write_json({**document, "file": str(out), **where})
        else:
            echo(_file_text(out, head, file_format))
    elif output_format == "text":
        print_plan(context, head, document)
        console().print(
            plan_view.held_back_table(
                islice(held_back_of_plan(context, head), _MAX_HELD_BACK),
                context_labels(context),
                context.policy.zone,
                context.portal_id,
            )
        )
        console().print(plan_view.next_step(_next_step(context, head)))
    else:
        _write_plan(context, head, {**document, **where}, sys.stdout, output_format)
    return head.summary.corrections


def print_plan(context: RunContext, head: PlanHead, document: dict[str, Any]) -> None:
    """Print a plan's figures, with examples of each rule."""
    with context.reading() as session:
        mirrored = {str(kind): count for kind, count in mirror.count(session).items()}
    console().print(
        plan_view.renderable(
            {**document, "mirrored": mirrored},
            examples_of_plan(context, head),
            context_labels(context),
        )
    )


def plan_document(context: RunContext, head: PlanHead) -> dict[str, Any]:
    """Return a plan as the operator's contract has it, without its corrections."""
    return {
        "portal_id": context.portal_id,
        "policy": {"name": head.policy_name, "digest": head.policy_digest},
        "created_at": head.created_at.isoformat(),
        "digest": head.digest,
        "summary": head.summary.document(),
    }


def corrections_of_plan(context: RunContext, head: PlanHead) -> Iterator[Correction]:
    """Yield the corrections of a plan one by one."""
    return chain.from_iterable(plan_corrections(context, head.plan_id))


def examples_of_plan(context: RunContext, head: PlanHead) -> list[Correction]:
    """Return two corrections of each rule, of a company and of a contact where it has both."""
    wanted = {rule: min(2, sum(counts.values())) for rule, counts in head.summary.by_rule.items()}
    examples: dict[str, list[Correction]] = {rule: [] for rule in wanted}
    for correction in islice(corrections_of_plan(context, head), _MAX_SEARCHED):
        of_rule = examples[correction.rule]
        types = {example.record.object_type for example in of_rule}
        if len(of_rule) < wanted[correction.rule]:
            of_rule.append(correction)
        elif len(types) == 1 and correction.record.object_type not in types:
            of_rule[-1] = correction
    return [correction for of_rule in examples.values() for correction in of_rule]


def held_back_of_plan(context: RunContext, head: PlanHead) -> Iterator[HeldBack]:
    """Yield what a plan leaves aside, one by one."""
    pages = read_pages(
        context.reading,
        lambda session, after: plans.read_held_back(session, head.plan_id, after=after),
        start=0,
        key_of=itemgetter(0),
    )
    for page in pages:
        yield from (held_back for _, held_back in page)


def _consequences(context: RunContext, head: PlanHead) -> dict[str, Any]:
    """Return what a plan leads to besides: tasks for owners, and workflows that enrol."""
    if not wants_tasks(context):
        return _workflows(context, head)
    tasks = [
        {"record": str(task.contact), "owner_id": task.owner} for task in upcoming_tasks(context)
    ]
    return {"tasks": tasks, **_workflows(context, head)}


def _workflows(context: RunContext, head: PlanHead) -> dict[str, Any]:
    """Return the workflows that enrol on what a plan writes; null: it is not known."""
    if not head.summary.corrections:
        return {}
    workflows = enrolling_workflows(context)
    documents = (
        None
        if workflows is None
        else [{"id": workflow.id, "name": workflow.name} for workflow in workflows]
    )
    return {"workflows": documents}


def _next_step(context: RunContext, head: PlanHead) -> str:
    """Return what to do with a plan, and what stands in its way; every command can be typed."""
    paused = pause_reason(context.store, context.portal_id)
    if not head.summary.corrections:
        return f"Writes are paused {paused}: `connector resume`." if paused else ""
    origin = context.origin
    option = f" --policy {origin.policy}" if origin.policy_source == OPTION else ""
    reviewed = f"`connector plan{option} --out plan.json`, look at it, `connector apply plan.json`"
    if paused:
        return f"Next: writes are paused {paused}: `connector resume`, then {reviewed}."
    exceeded = exceeded_limits(context, head)
    if exceeded:
        return f"Next: this is over a limit ({'; '.join(exceeded)}), so review it: {reviewed}."
    return f"Next: `connector sync{option}` corrects this; or review it first: {reviewed}."


def _file_text(out: Path, head: PlanHead, file_format: str) -> str:
    count = f"{out}: {head.summary.corrections:,} corrections."
    return f"{count} Apply: connector apply {out}" if file_format == "json" else count


def _write_plan(
    context: RunContext, head: PlanHead, document: dict[str, Any], out: TextIO, output_format: str
) -> None:
    """Write a plan in the form that was asked for."""
    corrections, zone = corrections_of_plan(context, head), context.policy.zone
    match output_format:
        case "csv":
            write_csv_plan(out, corrections, context.portal_id)
        case "html":
            held_back, labels = held_back_of_plan(context, head), context_labels(context)
            write_html_plan(out, document, corrections, held_back, labels, zone)
        case "markdown":
            held_back, labels = held_back_of_plan(context, head), context_labels(context)
            write_markdown_plan(out, document, corrections, held_back, labels, zone)
        case _:
            write_json_plan(out, document, corrections, held_back_of_plan(context, head))
