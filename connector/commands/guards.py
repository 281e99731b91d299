"""What keeps writes from being regretted: hold, pause, resume, undo."""

from __future__ import annotations

from dataclasses import replace

import click
from rich.table import Table

from connector.commands.frame import at_desk, examples, json_option, moment, record_named
from connector.core.holds import Hold, Scope
from connector.core.model import STAGE, STATUS
from connector.desk import Desk
from connector.errors import UserError
from connector.holding import add, listed, remove
from connector.pausing import pause as pause_portal
from connector.pausing import resume as resume_portal
from connector.recover import alarmed, recover
from connector.screens import reviewing
from connector.screens.output import console, write_json
from connector.undo import Selection, prepare
from connector.undo import undo as undo_writes

_scopes = (
    click.argument("record", required=False, metavar="[contacts/ID]"),
    click.option("--company", metavar="companies/ID", help="A company and its contacts."),
    click.option("--domain", metavar="D", help="Everybody of an e-mail domain, or below it."),
    click.option("--owner", metavar="O", help="Every record of an owner, by the owner's id."),
    click.option("--where", metavar="NAME=VALUE", help="Every record whose property is so."),
    click.option("--property", "name", type=click.Choice([STAGE, STATUS]), help="Only this one."),
)


@click.group(
    epilog=examples(
        'connector hold add contacts/123 --reason "the key account manager decides"',
        "connector hold list",
        "connector hold remove contacts/123",
    )
)
def hold() -> None:
    """Keep records, companies, domains or owners from being corrected."""


def _scoped(command: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_scopes):
        command = option(command)
    return command


@hold.command("add", epilog=examples("connector hold add --domain fjord.example --reason pilot"))
@_scoped
@click.option("--until", metavar="DATE", help="When it ends (ISO 8601); else when removed.")
@click.option("--reason", required=True, help="Why, for whoever wonders.")
def hold_add(*, until: str | None, reason: str, name: str | None, **scopes: str | None) -> int:
    """Hold something as it is."""
    scope, of = _scope(scopes)
    end = moment(until) if until else None

    def work(desk: Desk) -> int:
        now = desk.door.now()
        made = Hold(
            scope=scope,
            of=of,
            property_name=name or "",
            reason=reason,
            by="operator",
            since=now,
            until=end,
        )
        add(desk, made)
        click.echo(f"Held: {of}. `connector hold remove` with the same words ends it.")
        return 0

    return at_desk(work)


@hold.command("list", epilog=examples("connector hold list --json"))
@json_option
def hold_list(*, as_json: bool) -> int:
    """List the holds that are in force, except what people set lately."""

    def work(desk: Desk) -> int:
        found = listed(desk)
        if as_json:
            write_json([_document(one) for one in found])
        else:
            console().print(_table(found))
        return 0

    return at_desk(work)


@hold.command("remove", epilog=examples("connector hold remove contacts/123"))
@_scoped
def hold_remove(*, name: str | None, **scopes: str | None) -> int:
    """Remove holds; what they held is decided anew."""
    scope, of = _scope(scopes)

    def work(desk: Desk) -> int:
        count = remove(desk, scope, of, name)
        click.echo(f"{count} removed." if count else f"There was no hold on {of}.")
        return 0 if count else 1

    return at_desk(work)


@click.command(epilog=examples("connector pause", 'connector pause --reason "import on Friday"'))
@click.option("--reason", default="", help="Why, for whoever wonders.")
def pause(*, reason: str) -> int:
    """Write nothing to the portal until `connector resume`."""

    def work(desk: Desk) -> int:
        pause_portal(desk.store, desk.portal_id, at=desk.door.now(), reason=reason)
        click.echo(f"Portal {desk.portal_id} is paused: nothing is written to it.")
        return 0

    return at_desk(work)


@click.command(epilog=examples("connector resume"))
def resume() -> int:
    """Let writes through again after a pause."""

    def work(desk: Desk) -> int:
        was = resume_portal(desk.store, desk.portal_id)
        click.echo(f"Portal {desk.portal_id} {'goes on' if was else 'was not paused'}.")
        return 0

    return at_desk(work)


@click.command(
    epilog=examples(
        "connector undo 20261102T093000-1f2e --dry-run",
        "connector undo --record contacts/123",
        "connector undo --rule reopened --since 2026-11-01",
    )
)
@click.argument("run", required=False)
@click.option("--record", metavar="contacts/ID", help="Only this record.")
@click.option("--rule", metavar="R", help="Only what this rule asked for.")
@click.option("--since", metavar="T", help="Only from this day or time on (ISO 8601).")
@click.option("--dry-run", is_flag=True, help="Show what would go back, and write nothing.")
@json_option
def undo(*, dry_run: bool, as_json: bool, **chosen: str | None) -> int:
    """Put back what still stands as we left it, and hold it there."""
    selection = _selection(**chosen)
    return at_desk(lambda desk: _undo(desk, selection, dry_run=dry_run, as_json=as_json))


def _undo(desk: Desk, selection: Selection, *, dry_run: bool, as_json: bool) -> int:
    desk = replace(desk, permitted=True)
    if dry_run:
        prepared, done = prepare(desk, selection), None
    else:
        with desk.store.writer_lock(desk.portal_id, who="connector undo"), alarmed(desk):
            recover(desk)
            prepared = prepare(desk, selection)
            done = undo_writes(desk, prepared)
    if as_json:
        write_json(reviewing.undo_document(prepared, done))
    else:
        console().print(reviewing.undo_screen(prepared, done))
    return 0


def _selection(
    *, run: str | None, record: str | None, rule: str | None, since: str | None
) -> Selection:
    if not any((run, record, rule, since)):
        raise UserError(
            "Say what to undo: `connector undo RUN`, or --record, --rule, --since; "
            "`connector audit` shows the runs."
        )
    return Selection(
        run=run,
        record=record_named(record) if record else None,
        rule=rule,
        since=moment(since) if since else None,
    )


def _scope(scopes: dict[str, str | None]) -> tuple[Scope, str]:
    """Return the one scope that was named."""
    found = [(name, one) for name, one in scopes.items() if one]
    if len(found) != 1:
        raise UserError("Name one thing: contacts/123, --company, --domain, --owner or --where.")
    name, text = found[0]
    match name:
        case "record":
            return Scope.RECORD, str(record_named(text))
        case "company":
            return Scope.COMPANY, str(record_named(text))
        case "domain":
            return Scope.DOMAIN, text.strip().lower().removeprefix("@")
        case "owner":
            return Scope.OWNER, text
        case _:
            return Scope.VALUE, text


def _document(one: Hold) -> dict[str, object]:
    return {
        "record": one.of if one.scope is Scope.RECORD else None,
        "scope": str(one.scope),
        "of": one.of,
        "property_name": one.property_name or None,
        "reason": one.reason,
        "by": one.by,
        "until": one.until.isoformat() if one.until else None,
    }


def _table(found: tuple[Hold, ...]) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for heading in ("what", "property", "reason", "by", "until"):
        table.add_column(heading, overflow="fold")
    for one in found:
        until = f"{one.until:%Y-%m-%d %H:%M}" if one.until else "removed"
        table.add_row(one.of, one.property_name or "both", one.reason, one.by, until)
    return table
