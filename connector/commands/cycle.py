"""The cycle in steps, and in one go: pull, plan, apply, sync."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import click
import structlog

from connector.commands.against import show_difference
from connector.commands.frame import (
    at_desk,
    examples,
    format_option,
    json_option,
    no_limits_option,
    policy_option,
    portal_labels,
)
from connector.core.holds import Aside
from connector.core.model import Correction
from connector.desk import Desk
from connector.enrolling import enrolling
from connector.planfile import read_plan
from connector.propose import propose
from connector.pull import Pulled, require_mirror
from connector.pull import pull as pull_changes
from connector.push import stream
from connector.reminding import upcoming, wants_tasks
from connector.reviewed import apply_plan
from connector.screens import outcomes, reviewing
from connector.screens import plan as screens
from connector.screens.formats import (
    write_csv_plan,
    write_json_plan,
    write_markdown_plan,
)
from connector.screens.output import console, write_json
from connector.sync import Synced
from connector.sync import apply as apply_due
from connector.sync import sync as sync_all
from state import plans
from state.plans import PlanHead

_EXAMPLES = 12
_CORRECTIONS = 2  # the exit code of `plan --exit-code` where there are any
_FILE = click.Path(dir_okay=False, path_type=Path)
_log = structlog.get_logger()


@click.command(epilog=examples("connector pull", "connector pull --full"))
@policy_option
@click.option("--full", is_flag=True, help="Read the whole portal again.")
@json_option
def pull(*, policy: str | None, full: bool, as_json: bool) -> int:
    """Bring the local mirror up to date; the first pull reads the whole portal."""
    return at_desk(lambda desk: _pull(desk, full=full, as_json=as_json), policy=policy)


@click.command(
    epilog=examples(
        "connector plan",
        "connector plan --out plan.json",
        "connector plan --policy my.yaml --format markdown",
        "connector plan --policy new.yaml --against old.yaml --format markdown",
    )
)
@policy_option
@click.option(
    "--against", metavar="F", help="Show only what differs from this policy, from the mirror."
)
@click.option("--exit-code", is_flag=True, help="Exit with 2 when there are corrections.")
@click.option("--out", metavar="F", type=_FILE, help="Write the plan to a file, for `apply F`.")
@format_option
@json_option
def plan(
    *,
    policy: str | None,
    against: str | None,
    exit_code: bool,
    out: Path | None,
    form: str,
    as_json: bool,
) -> int:
    """Show what is wrong and what would be corrected; never writes to HubSpot."""
    code = _CORRECTIONS if exit_code else 0
    form = "json" if as_json else form
    if against:
        return code if show_difference(policy, against, form=form) else 0
    return at_desk(lambda desk: code if show_plan(desk, form, out) else 0, policy=policy)


@click.command(epilog=examples("connector apply", "connector apply plan.json"))
@click.argument("plan_file", metavar="[PLAN]", required=False, type=_FILE)
@policy_option
@no_limits_option
@json_option
def apply(*, plan_file: Path | None, policy: str | None, no_limits: bool, as_json: bool) -> int:
    """Correct what the mirror says is wrong, or what a reviewed PLAN says and still holds."""

    def work(desk: Desk) -> int:
        if plan_file is not None:
            return _apply_file(desk, plan_file, as_json=as_json)
        return show_synced(desk, apply_due(_allowed(desk, no_limits=no_limits)), as_json=as_json)

    return at_desk(work, policy=policy)


@click.command(epilog=examples("connector sync", "connector sync --json | jq .outcomes"))
@no_limits_option
@json_option
def sync(*, no_limits: bool, as_json: bool) -> int:
    """Pull, plan and apply in one go."""
    return at_desk(
        lambda desk: show_synced(
            desk, sync_all(_allowed(desk, no_limits=no_limits)), as_json=as_json
        )
    )


def _allowed(desk: Desk, *, no_limits: bool) -> Desk:
    """Return the desk with the operator's permission to send whatever there is."""
    return replace(desk, permitted=True) if no_limits else desk


def _apply_file(desk: Desk, path: Path, *, as_json: bool) -> int:
    """Apply a reviewed plan, and name what no longer holds of it."""
    done = apply_plan(desk, read_plan(desk, path))
    if as_json:
        write_json(reviewing.document(done))
    else:
        console().print(reviewing.screen(done))
    return 0


def _pull(desk: Desk, *, full: bool, as_json: bool) -> int:
    """Bring the mirror up to date, and say what was read."""
    pulled = pull_changes(desk, full=full)
    _log.info("pull.finished", portal=desk.portal_id, read=dict(pulled.read))
    if as_json:
        write_json(_pulled(desk, pulled))
    else:
        console().print(outcomes.pulled(pulled))
    return 0


def _pulled(desk: Desk, pulled: Pulled) -> dict[str, Any]:
    """Return what a pull did as a JSON document."""
    return {
        "portal_id": desk.portal_id,
        "run": desk.run,
        "read": {str(kind): count for kind, count in pulled.read.items()},
        "changed": {str(kind): count for kind, count in pulled.changed.items()},
        "whole": sorted(str(kind) for kind in pulled.whole),
    }


def show_plan(desk: Desk, form: str, out: Path | None = None) -> int:
    """Show a fresh plan, or write it to a file; return how many corrections it holds."""
    require_mirror(desk)
    head = propose(desk)
    document = {**plan_document(desk, head), **_foreseen(desk, head)}
    if out is not None:
        with out.open("w", encoding="utf-8") as file:
            _write(desk, head, document, file, "json" if form == "text" else form)
        click.echo(
            f"{out}: {head.summary['corrections']:,} corrections. Apply: connector apply {out}"
        )
    elif form == "text":
        examples = list(islice(each_correction(desk, head), _EXAMPLES))
        console().print(screens.screen(document, examples, portal_labels(desk)))
        console().print(
            screens.asides(islice(each_aside(desk, head), _EXAMPLES), portal_labels(desk))
        )
    else:
        _write(desk, head, document, sys.stdout, form)
    return int(head.summary["corrections"])


def _foreseen(desk: Desk, head: PlanHead) -> dict[str, Any]:
    """Return what a plan leads to besides: tasks for owners, and workflows that enrol."""
    if not wants_tasks(desk):
        return _workflows(desk, head)
    tasks = [{"record": str(one.contact), "owner_id": one.owner} for one in upcoming(desk)]
    return {"tasks": tasks, **_workflows(desk, head)}


def _workflows(desk: Desk, head: PlanHead) -> dict[str, Any]:
    """Return the workflows that enrol on what a plan writes; null: it is not known."""
    if not head.summary["corrections"]:
        return {}
    found = enrolling(desk)
    told = None if found is None else [{"id": one.id, "name": one.name} for one in found]
    return {"workflows": told}


def each_correction(desk: Desk, head: PlanHead) -> Iterator[Correction]:
    """Yield the corrections of a plan one by one."""
    return chain.from_iterable(stream(desk, head.plan_id))


def plan_document(desk: Desk, head: PlanHead) -> dict[str, Any]:
    """Return a plan as the operator's contract has it, without its corrections."""
    return {
        "portal_id": desk.portal_id,
        "policy": {"name": head.policy_name, "digest": head.policy_digest},
        "created_at": head.created_at.isoformat(),
        "digest": head.digest,
        "summary": head.summary,
    }


def each_aside(desk: Desk, head: PlanHead) -> Iterator[Aside]:
    """Yield what a plan leaves aside, one by one."""
    after = 0
    while True:
        with desk.store.reading() as session:
            rows = plans.asides(session, desk.portal_id, head.plan_id, after=after)
        if not rows:
            return
        yield from (one for _, one in rows)
        after = rows[-1][0]


def _write(desk: Desk, head: PlanHead, document: dict[str, Any], out: TextIO, form: str) -> None:
    """Write a plan in the form that was asked for."""
    corrections = each_correction(desk, head)
    match form:
        case "csv":
            write_csv_plan(out, corrections)
        case "markdown":
            asides, names = each_aside(desk, head), portal_labels(desk)
            write_markdown_plan(out, document, corrections, asides, names)
        case _:
            write_json_plan(out, document, corrections, each_aside(desk, head))


def show_synced(desk: Desk, synced: Synced, *, as_json: bool) -> int:
    """Show what a run did."""
    if as_json:
        write_json(
            {
                "run": synced.run,
                "recovered": synced.recovered,
                "pulled": _pulled(desk, synced.pulled) if synced.pulled else None,
                "plan": plan_document(desk, synced.plan),
                "outcomes": {str(one): count for one, count in sorted(synced.outcomes.items())},
                **({"tasks": synced.tasks} if wants_tasks(desk) else {}),
            }
        )
    else:
        document = plan_document(desk, synced.plan)
        examples = list(islice(each_correction(desk, synced.plan), _EXAMPLES))
        console().print(screens.screen(document, examples, portal_labels(desk)))
        console().print(outcomes.synced(synced))
    return 0
