"""Show what was written and why, prove it, and redact it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import click
from rich.text import Text

from connector.commands.frame import examples, json_option, moment, portal_ids, ready, record_named
from connector.core.audit import AuditLine, Broken
from connector.core.model import STAGE, STATUS, Outcome
from connector.errors import UserError
from connector.screens import outcomes
from connector.screens.formats import write_csv
from connector.screens.output import console, write_json, write_json_line
from connector.settings import Settings
from state import aliases, archives
from state import audit as audits
from state.store import Store

_filters = (
    click.option("--record", metavar="contacts/ID", help="Only this record."),
    click.option("--run", metavar="R", help="Only this run."),
    click.option("--since", metavar="T", help="Only from this day or time on (ISO 8601)."),
    click.option("--until", metavar="T", help="Only before this day or time."),
    click.option("--rule", metavar="R", help="Only what this rule asked for."),
    click.option("--outcome", type=click.Choice([str(one) for one in Outcome]), help="Only this."),
    click.option("--property", "property_name", type=click.Choice([STAGE, STATUS])),
)


def _filtered(command: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_filters):
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "connector audit --record contacts/123",
        "connector audit --since 2026-11-01 --outcome reverted --json",
        "connector audit --run 20261102T093000-1f2e --csv > run.csv",
        "connector audit verify",
        "connector audit verify --file /backup/audit.147893286.000000001-000050000.jsonl",
        "connector audit redact contacts/123",
    )
)
@click.argument("verb", required=False, type=click.Choice(["verify", "redact"]))
@click.argument("redacted", required=False, metavar="[contacts/ID]")
@_filtered
@click.option("--csv", "as_csv", is_flag=True, help="A table for a spreadsheet.")
@click.option("--file", metavar="F", help="With verify: a file that the audit was cut into.")
@click.option("--yes", is_flag=True, help="Redact without asking.")
@json_option
def audit(
    *,
    verb: str | None,
    redacted: str | None,
    file: str | None,
    yes: bool,
    as_csv: bool,
    as_json: bool,
    **filters: str | None,
) -> int:
    """Show what was written and why.

    `verify` proves that nothing was changed since (with --file, of what was cut into a file, and
    that the database goes on from there); `redact` takes the values of one record out
    for good (a privacy deletion by hand), and what is left still proves itself.
    """
    if verb == "verify":
        verify = partial(_verify_file, path=file) if file else _verify
        return verify(ready(), as_json=as_json)
    if verb == "redact":
        return _redact(ready(), redacted, yes=yes)
    which = _which(filters)
    form = _json if as_json else _csv if as_csv else _screen
    settings = ready()
    with Store.open(settings.database_url) as store, store.reading() as session:
        for portal_id in portal_ids(session, settings):
            form(audits.read(session, portal_id, **which))
    return 0


def _which(filters: Mapping[str, str | None]) -> audits.Which:
    """Read the filters."""
    reads = {
        "record": record_named,
        "since": moment,
        "until": moment,
        "outcome": Outcome,
    }
    found = {name: reads.get(name, str)(text) for name, text in filters.items() if text}
    return cast(audits.Which, found)


def _screen(lines: Iterable[AuditLine]) -> None:
    console().print(outcomes.audited(lines))


def _json(lines: Iterable[AuditLine]) -> None:
    """Write JSON lines, oldest first."""
    for one in lines:
        write_json_line(audit_line(one))


def _csv(lines: Iterable[AuditLine]) -> None:
    names = [*AuditLine.__dataclass_fields__][:-1]
    write_csv(sys.stdout, names, ([audit_line(one)[name] for name in names] for one in lines))


def audit_line(one: AuditLine) -> Mapping[str, Any]:
    """Return an audit line as the operator's contract has it; a redacted one has no values."""
    return {
        "at": one.at.isoformat(),
        "run": one.run,
        "record": str(one.record),
        "property_name": one.property_name,
        "before": None if one.redacted else one.before,
        "after": None if one.redacted else one.after,
        "rule": one.rule,
        "policy": one.policy,
        "outcome": str(one.outcome),
        "correlation_id": one.correlation_id,
        "hash": one.hash,
    }


def _verify(settings: Settings, *, as_json: bool) -> int:
    """Recompute the chain of hashes; 1 where it is broken."""
    broken = False
    with Store.open(settings.database_url) as store, store.reading() as session:
        for portal_id in portal_ids(session, settings):
            verdict = audits.verify(session, portal_id)
            broken = broken or isinstance(verdict, Broken)
            if as_json:
                write_json(outcomes.verdict_document(portal_id, verdict))
            else:
                console().print(Text(outcomes.verdict(portal_id, verdict)))
    return int(broken)


def _verify_file(settings: Settings, *, path: str, as_json: bool) -> int:
    """Follow the chain of a file into the database; 1 where it does not lead there."""
    found = archives.read(Path(path))
    with Store.open(settings.database_url) as store, store.reading() as session:
        leads = archives.leads(session, found)
    if as_json:
        write_json(outcomes.archived_document(path, found, leads=leads))
    else:
        console().print(Text(outcomes.archived(path, found, leads=leads)))
    return int(not leads)


def _redact(settings: Settings, record: str | None, *, yes: bool) -> int:
    """Take the values of one record out of the audit, having asked."""
    if not record:
        raise UserError("Name the record: `connector audit redact contacts/123`.")
    ref = record_named(record)
    if not yes:
        click.confirm(
            f"The values of {ref} are taken out of the audit for good: its lines stay, and no "
            "undo can put them back. Go on?",
            abort=True,
        )
    with Store.open(settings.database_url) as store, store.begin() as session:
        found = [
            audits.redact(session, portal_id, aliases.family(session, portal_id, ref))
            for portal_id in portal_ids(session, settings)
        ]
    click.echo(f"{sum(found):,} lines of {ref} have lost their values; `audit verify` still holds.")
    return 0
