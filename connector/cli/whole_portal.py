"""Work on the whole portal at once: backfill, mirror verify."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from connector.cli.cycle import show_sync_result
from connector.cli.plan_output import show_plan
from connector.cli.render import costs
from connector.cli.render.console import console, echo, write_json
from connector.cli.setup import (
    help_examples,
    json_option,
    no_limits_option,
    policy_option,
    run_in_context,
)
from connector.config.policy_choice import Purpose
from connector.context import RunContext
from connector.operations.backfill import backfill as backfill_all
from connector.operations.backfill import estimate_cost, read_whole_portal
from connector.pull.poll import require_mirror
from connector.pull.verify_mirror import verify_mirror


@click.command(
    epilog=help_examples("connector backfill --dry-run", "connector backfill --yes --json"),
)
@policy_option
@click.option("--dry-run", is_flag=True, help="Read and plan, and write nothing to HubSpot.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@no_limits_option
@json_option
def backfill(
    *, policy: str | None, dry_run: bool, yes: bool, no_limits: bool, as_json: bool
) -> int:
    """Read the whole portal, plan and apply; says first what it costs, and asks."""
    return run_in_context(
        lambda context: _backfill(
            replace(context, permitted=no_limits), dry_run=dry_run, yes=yes, as_json=as_json
        ),
        policy=policy,
        writes="nothing" if dry_run else "corrections",
        as_json=as_json,
        creates_database=True,
    )


@click.command(epilog=help_examples("connector mirror verify", "connector mirror verify --json"))
@click.argument("verb", type=click.Choice(["verify"]))
@json_option
def mirror(*, verb: str, as_json: bool) -> int:
    """Prove that the mirror is complete, by counts and by a sample of ids, and repair it."""
    return run_in_context(
        lambda context: _verify(context, as_json=as_json),
        purpose=Purpose.OPERATE,
        as_json=as_json,
    )


def _verify(context: RunContext, *, as_json: bool) -> int:
    """Show what was compared and repaired; return 1 where the counts still do not agree."""
    require_mirror(context)
    with context.store.writer_lock(context.portal_id, holder_name="connector mirror verify"):
        proofs = verify_mirror(context)
    if as_json:
        write_json(costs.proof_document(context.portal_id, proofs))
    else:
        console().print(costs.proof_table(proofs))
    return int(not all(proof.agrees for proof in proofs))


def _backfill(context: RunContext, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Announce the cost, ask, read, and plan or correct."""
    echo(costs.announcement(estimate_cost(context)), err=True)
    if not yes and sys.stdin.isatty():
        click.confirm("Read it all now?", abort=True, err=True)
    if not dry_run:
        return show_sync_result(context, backfill_all(context), as_json=as_json)
    read_whole_portal(context)
    show_plan(replace(context, run=f"{context.run}-plan"), "json" if as_json else "text")
    return 0
