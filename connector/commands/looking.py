"""Look, and write nothing to HubSpot: check, explain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from connector.checking import Light
from connector.checking import check as check_portal
from connector.commands.frame import (
    REAL,
    at_desk,
    examples,
    json_option,
    labels_of,
    policy_option,
    portal_labels,
    ready,
)
from connector.core.model import Ref
from connector.desk import Desk
from connector.errors import UserError
from connector.explaining import Told, explain_facts, explain_record
from connector.opening import open_door, read_policy
from connector.screens import explanation, findings
from connector.screens.output import console, write_json
from connector.settings import Settings


@click.command(epilog=examples("connector check", "connector check --json | jq '.[] | .light'"))
@policy_option
@json_option
def check(*, policy: str | None, as_json: bool) -> int:
    """Check token, portal, scopes, stages, pipelines and policy; nothing is written."""
    return _check(ready(), policy=policy, as_json=as_json)


@click.command(
    epilog=examples(
        "connector explain contact 123",
        "connector explain companies/45 --json",
        "connector explain --facts facts.yaml",
    )
)
@click.argument("record", nargs=-1)
@click.option("--facts", metavar="FILE", help="Explain the facts of a file; needs no portal.")
@policy_option
@json_option
def explain(
    *, record: tuple[str, ...], facts: str | None, policy: str | None, as_json: bool
) -> int:
    """Tell what a record is, what it should be, by which rule and on what evidence."""
    if bool(facts) == bool(record):
        raise click.UsageError("Name a record, such as `contact 123`, or `--facts FILE`.")
    if facts:
        portal, told = explain_facts(Path(facts), read_policy(policy or ready().policy))
        return _tell(told, labels_of(portal), as_json=as_json)
    name = " ".join(record)
    return at_desk(lambda desk: _explain(desk, name, as_json=as_json), policy=policy)


def _check(settings: Settings, *, policy: str | None, as_json: bool) -> int:
    """Show the check-up; 1 where something must be mended first."""
    door = open_door(settings, REAL)
    read = read_policy(policy or settings.policy)
    found = list(check_portal(door, read, portal_id=settings.portal_id))
    if as_json:
        write_json(
            [{"name": one.name, "light": one.light, "message": one.message} for one in found]
        )
    else:
        console().print(findings.screen(found))
    return int(any(one.light is Light.BAD for one in found))


def _explain(desk: Desk, name: str, *, as_json: bool) -> int:
    """Explain one record."""
    try:
        ref = Ref.parse(name)
    except ValueError as wrong:
        raise UserError(f"{wrong}, or `connector explain contact 123`.") from wrong
    return _tell(explain_record(desk, ref), portal_labels(desk), as_json=as_json)


def _tell(told: Told, names: Mapping[str, str], *, as_json: bool) -> int:
    if as_json:
        write_json(explanation.document(told))
    else:
        console().print(explanation.screen(told, names))
    return 0
