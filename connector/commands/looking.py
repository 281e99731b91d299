"""Look, and write nothing to HubSpot: check, explain, audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.text import Text
from sqlalchemy.orm import Session

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
from connector.core.audit import AuditLine, Broken
from connector.core.model import Ref
from connector.desk import Desk
from connector.errors import UserError
from connector.explaining import Told, explain_facts, explain_record
from connector.opening import open_door, read_policy
from connector.screens import explanation, findings, outcomes
from connector.screens.output import console, write_json, write_json_line
from connector.settings import Settings
from state import audit as audits
from state import portals
from state.store import Store


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


@click.command(
    epilog=examples(
        "connector audit --record contacts/123",
        "connector audit --since 2026-11-01 --json",
        "connector audit verify",
    )
)
@click.argument("verb", required=False, type=click.Choice(["verify"]))
@click.option("--record", metavar="contacts/ID", help="Only this record.")
@click.option("--run", metavar="R", help="Only this run.")
@click.option("--since", metavar="T", help="Only from this day or time on (ISO 8601).")
@json_option
def audit(
    *, verb: str | None, record: str | None, run: str | None, since: str | None, as_json: bool
) -> int:
    """Show what was written and why; `verify` proves that nothing was changed since."""
    if verb:
        return _verify(ready(), as_json=as_json)
    return _audit(ready(), record=record, run=run, since=since, as_json=as_json)


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


def _audit(
    settings: Settings, *, record: str | None, run: str | None, since: str | None, as_json: bool
) -> int:
    """Show the audit, oldest first; JSON lines for scripts."""
    try:
        ref = Ref.parse(record) if record else None
        start = _moment(since) if since else None
    except ValueError as wrong:
        raise UserError(str(wrong)) from wrong
    with Store.open(settings.database_url) as store, store.reading() as session:
        for portal_id in _portal_ids(session, settings):
            lines = audits.read(session, portal_id, record=ref, run=run, since=start)
            if as_json:
                for one in lines:
                    write_json_line(audit_line(one))
            else:
                console().print(outcomes.audited(lines))
    return 0


def audit_line(one: AuditLine) -> Mapping[str, Any]:
    """Return an audit line as the operator's contract has it."""
    return {
        "at": one.at.isoformat(),
        "run": one.run,
        "record": str(one.record),
        "property_name": one.property_name,
        "before": one.before,
        "after": one.after,
        "rule": one.rule,
        "policy": one.policy,
        "outcome": str(one.outcome),
        "correlation_id": one.correlation_id,
        "hash": one.hash,
    }


def _moment(text: str) -> datetime:
    """Read a day or a time; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _portal_ids(session: Session, settings: Settings) -> tuple[str, ...]:
    return (settings.portal_id,) if settings.portal_id else portals.ids(session)


def _verify(settings: Settings, *, as_json: bool) -> int:
    """Recompute the chain of hashes; 1 where it is broken."""
    broken = False
    with Store.open(settings.database_url) as store, store.reading() as session:
        for portal_id in _portal_ids(session, settings):
            verdict = audits.verify(session, portal_id)
            broken = broken or isinstance(verdict, Broken)
            if as_json:
                write_json(outcomes.verdict_document(portal_id, verdict))
            else:
                console().print(Text(outcomes.verdict(portal_id, verdict)))
    return int(broken)
