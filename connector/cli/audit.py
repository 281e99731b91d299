"""Show what was written and why, prove it, and redact it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import click
from rich.text import Text

from connector.cli.render import outcomes
from connector.cli.render.console import console, echo, write_json, write_json_line
from connector.cli.render.plan_formats import write_csv
from connector.cli.setup import (
    REAL_CLOCK,
    help_examples,
    json_option,
    labels_of,
    load_settings,
    parse_record,
    parse_time,
    portal_ids,
)
from connector.config.known_database import open_known_store
from connector.config.settings import Settings, require_one_portal
from connector.core.corrections.audit import AuditLine, IntactChain
from connector.core.model import STAGE, STATUS, Outcome
from connector.core.record_address import record_address
from connector.errors import UserError
from connector.operations.require_known import require_record, require_rule, require_run
from state import audit as audits
from state import audit_archives, merged_records, operator_actions, portals
from state.audit_proof import HeadCheck, check_head, runs_with_missing_lines
from state.db.store import Store
from state.db.transaction import Transaction

_MAX_LINES: Final = 50
_FOLLOW_SECONDS: Final = 1.0
_filter_options = (
    click.option("--record", metavar="contacts/ID", help="Only this record."),
    click.option("--run", metavar="R", help="Only this run."),
    click.option("--since", metavar="T", help="Only from this day or time on (ISO 8601)."),
    click.option("--until", metavar="T", help="Only before this day or time."),
    click.option("--rule", metavar="R", help="Only what this rule asked for."),
    click.option(
        "--outcome", type=click.Choice([str(outcome) for outcome in Outcome]), help="Only this."
    ),
    click.option("--property", "property_name", type=click.Choice([STAGE, STATUS])),
)


def _add_filters(command: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_filter_options):
        command = option(command)
    return command


@click.command(
    epilog=help_examples(
        "connector audit --record contacts/123",
        "connector audit --since 2026-11-01 --outcome reverted --json",
        "connector audit --run 20261102T093000-1f2e --csv > run.csv",
        "connector audit --follow",
        "connector audit verify",
        "connector audit verify --head 09048123ae81fbd9ea480bac6b5bead97fb67d5ab3169710e5d8ef1a:26",
        "connector audit verify --file /backup/audit.147893286.000000001-000050000.jsonl",
        "connector audit redact contacts/123",
    )
)
@click.argument("verb", required=False, type=click.Choice(["verify", "redact"]))
@click.argument("redacted", required=False, metavar="[contacts/ID]")
@_add_filters
@click.option("--csv", "as_csv", is_flag=True, help="A table for a spreadsheet.")
@click.option("--file", metavar="F", help="With verify: a file that the audit was cut into.")
@click.option(
    "--head", metavar="HASH:LINES", help="With verify: a head noted earlier, as the log has it."
)
@click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="Only the newest N lines (50; 0: all)."
)
@click.option("--follow", is_flag=True, help="Go on with each line that is added, until Ctrl-C.")
@click.option("--yes", is_flag=True, help="Redact without asking.")
@json_option
def audit(
    *,
    verb: str | None,
    redacted: str | None,
    yes: bool,
    as_csv: bool,
    as_json: bool,
    **filters: Any,
) -> int:
    """Show what was written and why.

    `verify` proves that no line was changed, and compares the lines with the table of runs (with
    --head: that the audit still holds a head that was noted earlier; with --file: that a file of
    cut lines is unchanged, and that the database continues from it). `redact` removes the values
    of one record for good (a privacy deletion by hand); the chain of hashes still holds.
    """
    file, head, limit, follow = (filters.pop(name) for name in ("file", "head", "limit", "follow"))
    if verb == "verify":
        expected = _parse_head(head) if head else None
        verify = partial(_verify_file, path=file) if file else partial(_verify, expected=expected)
        return verify(load_settings(), as_json=as_json)
    if verb == "redact":
        return _redact(load_settings(), redacted, yes=yes)
    show = _write_json_lines if as_json else _write_csv_lines if as_csv else _print_table
    # People see the newest lines, scripts all of them, unless a number is named; 0 means all.
    limit = _MAX_LINES if limit is None and show is _print_table else limit
    criteria = _criteria(filters)
    settings = load_settings()
    with open_known_store(settings) as store:
        ids = portal_ids(store, settings)
        for portal_id in ids:
            with store.reading(portal_id) as session:
                _require_known(session, criteria)
                show(session, audits.read(session, limit=limit or None, **criteria))
        if follow:
            follow_audit(store, ids, criteria, as_json=as_json, wait=REAL_CLOCK.wait)
    return 0


def _require_known(session: Transaction, criteria: audits.LineFilter) -> None:
    """Raise UserError where a filter names what this portal never had."""
    if run := criteria.get("run"):
        require_run(session, run)
    if rule := criteria.get("rule"):
        require_rule(session, rule)
    if record := criteria.get("record"):
        require_record(session, record)


def _print_table(session: Transaction, lines: Iterable[AuditLine]) -> None:
    """Print lines, newest last, with the portal's labels and in its time zone."""
    portal = portals.load(session)
    labels = labels_of(portal) if portal else {}
    zone = ZoneInfo(portal.account.time_zone if portal else "UTC")
    shown = list(lines)
    console().print(outcomes.audit_table(shown, labels, zone, session.portal_id))
    if len(shown) == _MAX_LINES:
        console().print(Text(f"The newest {_MAX_LINES} lines; `--limit 0` shows all of them."))


def follow_audit(
    store: Store,
    ids: Sequence[str],
    criteria: audits.LineFilter,
    *,
    as_json: bool,
    wait: Callable[[float], None],
) -> None:
    """Write each line that is added from now on, as JSON or as text; `wait` ends it by raising."""
    places = {portal_id: _line_count(store, portal_id) for portal_id in ids}
    while True:
        wait(_FOLLOW_SECONDS)
        for portal_id in ids:
            count = _line_count(store, portal_id)
            if count == places[portal_id]:
                continue
            with store.reading(portal_id) as session:
                added = count - places[portal_id]
                newest = list(audits.read(session, limit=added))
                chosen = {line.hash for line in audits.read(session, limit=added, **criteria)}
            places[portal_id] = count
            for line in newest:
                if line.hash in chosen:
                    _write_followed(line, as_json=as_json)


def _write_followed(line: AuditLine, *, as_json: bool) -> None:
    if as_json:
        write_json_line(audit_document(line))
    else:
        echo(outcomes.audit_line_text(line))


def _line_count(store: Store, portal_id: str) -> int:
    with store.reading(portal_id) as session:
        return audits.head(session).line_count


def _criteria(filters: Mapping[str, str | None]) -> audits.LineFilter:
    """Read the filters."""
    parsers = {
        "record": parse_record,
        "since": parse_time,
        "until": parse_time,
        "outcome": Outcome,
    }
    criteria = {name: parsers.get(name, str)(text) for name, text in filters.items() if text}
    return cast(audits.LineFilter, criteria)


def _write_json_lines(_session: Transaction, lines: Iterable[AuditLine]) -> None:
    """Write JSON lines, oldest first."""
    for line in lines:
        write_json_line(audit_document(line))


def _write_csv_lines(session: Transaction, lines: Iterable[AuditLine]) -> None:
    """Write a line for each, last the address of the record in HubSpot."""
    columns = [*AuditLine.__dataclass_fields__][:-1]
    rows = (
        (
            *(audit_document(line)[column] for column in columns),
            record_address(session.portal_id, line.record),
        )
        for line in lines
    )
    write_csv(sys.stdout, [*columns, "url"], rows)


def audit_document(line: AuditLine) -> Mapping[str, Any]:
    """Return an audit line as the operator's contract has it; a redacted one has no values."""
    return {
        "at": line.at.isoformat(),
        "run": line.run,
        "record": str(line.record),
        "property_name": line.property_name,
        "before": None if line.redacted else line.before,
        "after": None if line.redacted else line.after,
        "rule": line.rule,
        "policy": line.policy,
        "outcome": str(line.outcome),
        "correlation_id": line.correlation_id,
        "hash": line.hash,
    }


def _parse_head(text: str) -> IntactChain:
    """Read `HASH:LINES`, as `audit_head` and `audit_lines` stand in the log."""
    last_hash, _, lines = text.partition(":")
    if not (lines.isascii() and lines.isdigit() and re.fullmatch("[0-9a-f]{64}", last_hash)):
        raise UserError(
            f"{text!r} is no head: write --head HASH:LINES, with `audit_head` and `audit_lines` of "
            "a line `run.finished` of the log, or with what `connector audit verify` printed."
        )
    return IntactChain(line_count=int(lines), last_hash=last_hash)


def _verify(settings: Settings, *, expected: IntactChain | None, as_json: bool) -> int:
    """Recompute the chain of hashes; return 1 where it is broken, or lacks what is expected."""
    has_failed = False
    with open_known_store(settings) as store:
        ids = portal_ids(store, settings)
        # Each portal has a chain of its own, so a head without its portal says nothing.
        if expected and len(ids) != 1:
            raise UserError("--head is of one portal: set HUBSPOT_PORTAL_ID to name it.")
        for portal_id in ids:
            # One snapshot: a daemon that appends lines meanwhile must not look like a cut tail.
            with store.reading(portal_id) as session:
                verification = audits.verify(session)
                head_check = check_head(session, verification, expected) if expected else None
                is_intact = isinstance(verification, IntactChain)
                shortfalls = runs_with_missing_lines(session) if is_intact else ()
                actions = operator_actions.verify(session)
            has_failed = has_failed or not is_intact or bool(shortfalls)
            has_failed = has_failed or actions.broken_row is not None
            has_failed = has_failed or head_check in {HeadCheck.CUT_SHORT, HeadCheck.REWRITTEN}
            if as_json:
                write_json(
                    {
                        **outcomes.verification_document(portal_id, verification),
                        "expected_head": None if head_check is None else str(head_check),
                        "runs_with_missing_lines": [entry.run for entry in shortfalls],
                        "actions": outcomes.actions_document(actions),
                    }
                )
            else:
                console().print(Text(outcomes.verification_text(portal_id, verification)))
                if shortfalls:
                    console().print(Text(outcomes.shortfall_text(shortfalls)))
                if head_check is not None:
                    console().print(Text(outcomes.HEAD_TEXTS[head_check]))
                console().print(Text(outcomes.actions_text(actions)))
    return int(has_failed)


def _verify_file(settings: Settings, *, path: str, as_json: bool) -> int:
    """Check that the chain of a file continues in the database; return 1 where it does not."""
    archive = audit_archives.read(Path(path))
    with open_known_store(settings) as store, store.reading(archive.portal_id) as session:
        is_continued = audit_archives.joins_cuts(session, archive)
    if as_json:
        write_json(outcomes.archive_document(path, archive, is_continued=is_continued))
    else:
        console().print(Text(outcomes.archive_text(path, archive, is_continued=is_continued)))
    return int(not is_continued)


def _redact(settings: Settings, record: str | None, *, yes: bool) -> int:
    """Take the values of one record out of the audit, having asked."""
    if not record:
        raise UserError("Name the record: `connector audit redact contacts/123`.")
    ref = parse_record(record)
    require_one_portal(settings)
    if not yes:
        click.confirm(
            f"The values of {ref} are taken out of the audit for good: its lines stay, and no "
            "undo can put them back. Go on?",
            abort=True,
        )
    redacted_count = 0
    with open_known_store(settings) as store:
        for portal_id in portal_ids(store, settings):
            with store.begin(portal_id) as session:
                refs = merged_records.all_refs(session, ref)
                redacted_count += audits.redact(session, refs)
                operator_actions.redact(session, refs)
    echo(f"{redacted_count:,} lines of {ref} have lost their values; `audit verify` still holds.")
    return 0
