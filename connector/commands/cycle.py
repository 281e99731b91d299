"""The cycle in steps, and in one go: pull, plan, apply, sync."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import click
import orjson
import structlog

from connector.commands.frame import (
    at_desk,
    examples,
    json_option,
    no_limits_option,
    policy_option,
    portal_labels,
)
from connector.core.model import Correction
from connector.core.plan import line
from connector.desk import Desk
from connector.propose import propose
from connector.pull import Pulled, require_mirror
from connector.pull import pull as pull_changes
from connector.push import stream
from connector.screens import outcomes
from connector.screens import plan as screens
from connector.screens.output import console, write_json
from connector.sync import Synced
from connector.sync import apply as apply_due
from connector.sync import sync as sync_all
from state.plans import PlanHead

_EXAMPLES = 12
_CORRECTIONS = 2  # the exit code of `plan --exit-code` where there are any
_log = structlog.get_logger()


@click.command(epilog=examples("connector pull", "connector pull --full"))
@policy_option
@click.option("--full", is_flag=True, help="Read the whole portal again.")
@json_option
def pull(*, policy: str | None, full: bool, as_json: bool) -> int:
    """Bring the local mirror up to date; the first pull reads the whole portal."""
    return at_desk(lambda desk: _pull(desk, full=full, as_json=as_json), policy=policy)


@click.command(
    epilog=examples("connector plan", "connector plan --policy my.yaml --json > plan.json")
)
@policy_option
@click.option("--exit-code", is_flag=True, help="Exit with 2 when there are corrections.")
@json_option
def plan(*, policy: str | None, exit_code: bool, as_json: bool) -> int:
    """Show what is wrong and what would be corrected; never writes to HubSpot."""
    code = _CORRECTIONS if exit_code else 0
    return at_desk(lambda desk: code if _plan(desk, as_json=as_json) else 0, policy=policy)


@click.command(epilog=examples("connector apply"))
@no_limits_option
@json_option
def apply(*, no_limits: bool, as_json: bool) -> int:
    """Correct in HubSpot what the mirror says is wrong."""
    return at_desk(lambda desk: _show(desk, apply_due(desk), as_json=as_json))


@click.command(epilog=examples("connector sync", "connector sync --json | jq .outcomes"))
@no_limits_option
@json_option
def sync(*, no_limits: bool, as_json: bool) -> int:
    """Pull, plan and apply in one go."""
    return at_desk(lambda desk: _show(desk, sync_all(desk), as_json=as_json))


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


def _plan(desk: Desk, *, as_json: bool) -> int:
    """Show a fresh plan; return how many corrections it holds."""
    require_mirror(desk)
    head = propose(desk)
    corrections = each_correction(desk, head)
    if as_json:
        _write(desk, head, corrections)
    else:
        document = plan_document(desk, head)
        examples = list(islice(corrections, _EXAMPLES))
        console().print(screens.screen(document, examples, portal_labels(desk)))
    return int(head.summary["corrections"])


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


def _write(desk: Desk, head: PlanHead, corrections: Iterator[Correction]) -> None:
    """Write a plan as one JSON document, correction by correction: it may not fit in memory."""
    start = orjson.dumps(plan_document(desk, head)).decode()
    sys.stdout.write(start[:-1] + ',"corrections":[')
    for number, one in enumerate(corrections):
        sys.stdout.write(("," if number else "") + "\n" + orjson.dumps(line(one)).decode())
    sys.stdout.write("\n]}\n")


def _show(desk: Desk, synced: Synced, *, as_json: bool) -> int:
    if as_json:
        write_json(
            {
                "run": synced.run,
                "recovered": synced.recovered,
                "pulled": _pulled(desk, synced.pulled) if synced.pulled else None,
                "plan": plan_document(desk, synced.plan),
                "outcomes": {str(one): count for one, count in sorted(synced.outcomes.items())},
            }
        )
    else:
        document = plan_document(desk, synced.plan)
        examples = list(islice(each_correction(desk, synced.plan), _EXAMPLES))
        console().print(screens.screen(document, examples, portal_labels(desk)))
        console().print(outcomes.synced(synced))
    return 0
