"""The cycle in steps, and in one go: pull, plan, apply, sync."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import structlog

from connector.cli.plan_output import plan_document, print_plan, show_plan
from connector.cli.render import outcomes, reviewed_plan
from connector.cli.render.console import console, write_json
from connector.cli.render.context_line import context_document
from connector.cli.setup import (
    format_option,
    help_examples,
    json_option,
    no_limits_option,
    policy_option,
    run_in_context,
)
from connector.config.portal_files import PORTAL_VARIABLE
from connector.context import RunContext
from connector.core.model import Ref
from connector.errors import TemporaryError, UserError
from connector.operations.apply_plan import Selection, apply_plan
from connector.operations.follow_up_tasks import wants_tasks
from connector.operations.sync import SyncResult
from connector.operations.sync import apply as apply_due
from connector.operations.sync import sync as sync_all
from connector.plan.plan_file import plan_policy, read_plan
from connector.pull.poll import PullResult
from connector.pull.poll import pull as pull_changes
from connector.push.first_use import require_reviewed_rules

_EXAMPLE_COUNT = 12
_EXIT_CORRECTIONS = 2  # the exit code of `plan --exit-code` where there are any
_CORRECTIONS = "corrections"  # what the context line says of commands that write
_FILE_PATH = click.Path(dir_okay=False, path_type=Path)
_log = structlog.get_logger()


@click.command(epilog=help_examples("connector pull", "connector pull --full"))
@policy_option
@click.option("--full", is_flag=True, help="Read the whole portal again.")
@json_option
def pull(*, policy: str | None, full: bool, as_json: bool) -> int:
    """Bring the local mirror up to date; the first pull reads the whole portal."""
    return run_in_context(
        lambda context: _pull(context, full=full, as_json=as_json),
        policy=policy,
        as_json=as_json,
        creates_database=True,
    )


@click.command(
    epilog=help_examples(
        "connector plan",
        "connector plan --out plan.json",
        "connector plan --html --out plan.html",
        "connector plan --policy my.yaml --format markdown",
        "connector plan --policy new.yaml --against old.yaml --format markdown",
        "connector plan --all --json",
    )
)
@policy_option
@click.option(
    "--against", metavar="F", help="Show only what differs from this policy, from the mirror."
)
@click.option("--exit-code", is_flag=True, help="Exit with 2 when there are corrections.")
@click.option(
    "--out", metavar="F", type=_FILE_PATH, help="Write the plan to a file, for `apply F`."
)
@format_option
@click.option("--all", "of_fleet", is_flag=True, help="Plan every portal of the folder.")
@click.option("--html", is_flag=True, help="One page to sort and to send, with links to HubSpot.")
@json_option
def plan(
    *,
    policy: str | None,
    against: str | None,
    exit_code: bool,
    out: Path | None,
    as_json: bool,
    **output: Any,
) -> int:
    """Show what is wrong and what would be corrected; never writes to HubSpot."""
    code = _EXIT_CORRECTIONS if exit_code else 0
    if output["of_fleet"]:
        if out or against or output["html"] or output["form"] != "text":
            raise UserError("--all shows a line for each portal: it goes with --json alone.")
        if os.environ.get(PORTAL_VARIABLE):
            raise UserError("--all plans every portal: leave out --portal, or leave out --all.")
        # Loaded where it is used: most have a single portal.
        from connector.cli.fleet_plan import show_fleet_plan

        fleet_plan = show_fleet_plan(policy, as_json=as_json)
        return 1 if fleet_plan.has_failed else code if fleet_plan.corrections else 0
    form = "html" if output["html"] else "json" if as_json else output["form"]
    if output["html"] and (against or as_json):
        raise UserError("--html shows a whole plan: leave out --against and --json.")
    if against:
        # Loaded where it is used: a comparison works offline, and needs half of the reports.
        from connector.cli.compare import show_difference

        return code if show_difference(policy, against, output_format=form) else 0
    return run_in_context(
        lambda context: code if show_plan(context, form, out, as_json=as_json) else 0,
        policy=policy,
        as_json=form == "json",
    )


@click.command(
    epilog=help_examples(
        "connector apply",
        "connector apply plan.json",
        "connector apply plan.json --rule won --limit 20",
    )
)
@click.argument("plan_file", metavar="[PLAN]", required=False, type=_FILE_PATH)
@policy_option
@click.option("--rule", "rules", metavar="R", multiple=True, help="Of PLAN, this rule's records.")
@click.option(
    "--except",
    "except_rules",
    metavar="R",
    multiple=True,
    help="Of PLAN, the records of all other rules.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Of PLAN, N records.")
@no_limits_option
@json_option
def apply(
    *,
    plan_file: Path | None,
    policy: str | None,
    no_limits: bool,
    as_json: bool,
    **selected: Any,
) -> int:
    """Correct what the mirror says is wrong, or what a reviewed PLAN says and still holds."""
    selection = Selection(**selected)
    if plan_file is None and selection != Selection():
        raise UserError(
            "--rule, --except and --limit take a part of a reviewed plan: name its file, as in "
            "`connector apply plan.json --rule won`."
        )

    def work(context: RunContext) -> int:
        if plan_file is not None:
            return _apply_file(context, plan_file, selection, as_json=as_json)
        return show_sync_result(
            context, apply_due(_with_permission(context, no_limits=no_limits)), as_json=as_json
        )

    if plan_file is not None:
        # A reviewed plan is applied by the policy that it was made by.
        policy = policy or plan_policy(plan_file)
    return run_in_context(work, policy=policy, writes=_CORRECTIONS, as_json=as_json)


@click.command(epilog=help_examples("connector sync", "connector sync --json | jq .outcomes"))
@policy_option
@no_limits_option
@json_option
def sync(*, policy: str | None, no_limits: bool, as_json: bool) -> int:
    """Pull, plan and apply in one go."""
    return run_in_context(
        lambda context: show_sync_result(
            context, sync_all(_with_permission(context, no_limits=no_limits)), as_json=as_json
        ),
        policy=policy,
        writes=_CORRECTIONS,
        as_json=as_json,
        creates_database=True,
    )


def _with_permission(context: RunContext, *, no_limits: bool) -> RunContext:
    """Return the run context with the operator's permission to send everything in the plan."""
    return replace(context, permitted=True) if no_limits else context


def _apply_file(context: RunContext, path: Path, selection: Selection, *, as_json: bool) -> int:
    """Apply a reviewed plan, or a part of it, and name what no longer holds of it."""
    reviewed = apply_plan(context, read_plan(context, path), selection)
    if as_json:
        write_json(
            {
                **reviewed_plan.document(reviewed),
                "context": context_document(context.portal_id, context.origin, writes=_CORRECTIONS),
            }
        )
    else:
        console().print(reviewed_plan.renderable(reviewed, context.portal_id))
    return 0


def _pull(context: RunContext, *, full: bool, as_json: bool) -> int:
    """Bring the mirror up to date, and say what was read."""
    pulled = pull_changes(context, full=full)
    _log.info("pull.finished", portal=context.portal_id, read=dict(pulled.read))
    if as_json:
        where = context_document(context.portal_id, context.origin, writes="nothing")
        write_json({**_pull_document(context, pulled), "context": where})
    else:
        console().print(outcomes.pull_table(pulled))
    return 0


def _pull_document(context: RunContext, pulled: PullResult) -> dict[str, Any]:
    """Return what a pull did as a JSON document."""
    return {
        "portal_id": context.portal_id,
        "run": context.run,
        "read": {str(kind): count for kind, count in pulled.read.items()},
        "changed": {str(kind): count for kind, count in pulled.changed.items()},
        "whole": sorted(str(kind) for kind in pulled.scanned),
    }


def show_sync_result(context: RunContext, synced: SyncResult, *, as_json: bool) -> int:
    """Show what a run did."""
    if as_json:
        write_json(
            {
                "run": synced.run,
                "recovered": synced.recovered,
                "pulled": _pull_document(context, synced.pulled) if synced.pulled else None,
                "plan": plan_document(context, synced.plan),
                "outcomes": {
                    str(outcome): count for outcome, count in sorted(synced.outcomes.items())
                },
                "rules_to_review": [
                    {"rule": rule.name, "records": rule.records, "corrected": rule.corrected}
                    for rule in synced.rules_to_review
                ],
                **({"tasks": synced.tasks} if wants_tasks(context) else {}),
                "context": context_document(context.portal_id, context.origin, writes=_CORRECTIONS),
                **({"open_moves": list(map(str, synced.open_moves))} if synced.open_moves else {}),
            }
        )
    else:
        document = plan_document(context, synced.plan)
        print_plan(context, synced.plan, document)
        console().print(outcomes.sync_summary(synced))
    raise_if_open(synced.open_moves)
    require_reviewed_rules(context)
    return 0


def raise_if_open(records: Sequence[Ref]) -> None:
    """Raise TemporaryError where moves stay open, so that the exit code says so."""
    if records:
        names = ", ".join(map(str, records[:_EXAMPLE_COUNT]))
        raise TemporaryError(
            f"{len(records)} records may have no stage, because HubSpot takes neither the new nor "
            f"the old one: {names}. They are tried again by themselves, and everything else went "
            "on; `connector recover --list` says why, `connector recover` tries again now."
        )
