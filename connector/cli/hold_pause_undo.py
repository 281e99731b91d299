"""Keep or take back writes: hold, pause, resume, undo."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from connector.cli.render import reviewed_plan
from connector.cli.render.console import console, echo, new_table, write_json
from connector.cli.render.record_link import record_text
from connector.cli.setup import (
    help_examples,
    json_option,
    parse_record,
    parse_time,
    policy_option,
    run_in_context,
)
from connector.cli.suggestions import SuggestingGroup
from connector.config.policy_choice import Purpose
from connector.context import RunContext
from connector.core.corrections.holds import Hold, HoldScope
from connector.core.model import STAGE, STATUS, ObjectType, Ref
from connector.errors import UserError
from connector.operations.holds import (
    active_holds,
    add_hold,
    remove_holds,
    require_in_hubspot,
)
from connector.operations.require_known import require_record, require_rule, require_run
from connector.operations.undo import Selection, plan_undo
from connector.operations.undo import undo as undo_writes
from connector.push.pause import pause as pause_portal
from connector.push.pause import resume as resume_portal
from connector.push.recover_open_moves import log_open_moves_on_error, recover

_scope_options = (
    click.argument("record", required=False, metavar="[contacts/ID]"),
    click.option("--company", metavar="companies/ID", help="A company and its contacts."),
    click.option("--domain", metavar="D", help="Everybody of an e-mail domain, or below it."),
    click.option("--owner", metavar="O", help="Every record of an owner, by the owner's id."),
    click.option(
        "--where", metavar="NAME=VALUE", help="Every record with this value of a property."
    ),
    click.option("--property", "name", type=click.Choice([STAGE, STATUS]), help="Only this one."),
)


@click.group(
    cls=SuggestingGroup,
    epilog=help_examples(
        'connector hold add contacts/123 --reason "the key account manager decides"',
        "connector hold list",
        "connector hold remove contacts/123",
    ),
)
def hold() -> None:
    """Keep records, companies, domains or owners from being corrected."""


def _add_scope_options(command: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_scope_options):
        command = option(command)
    return command


@hold.command(
    "add", epilog=help_examples("connector hold add --domain fjord.example --reason pilot")
)
@_add_scope_options
@click.option("--until", metavar="DATE", help="When it ends (ISO 8601); else when removed.")
@click.option("--reason", required=True, help="The reason, shown in plans and lists.")
@click.option("--anyway", is_flag=True, help="Hold a record that HubSpot does not have, too.")
def hold_add(
    *, until: str | None, reason: str, anyway: bool, name: str | None, **scopes: str | None
) -> int:
    """Hold something as it is."""
    scope, target = _scope(scopes)
    end = parse_time(until) if until else None

    def work(context: RunContext) -> int:
        now = context.api.now()
        if end is not None and end <= now:
            raise UserError(
                f"--until {until} is in the past: the hold would end before it begins. Name a "
                "later day, or leave --until out."
            )
        if not anyway and scope in {HoldScope.RECORD, HoldScope.COMPANY}:
            require_in_hubspot(context, Ref.parse(target))
        new_hold = Hold(
            scope=scope,
            target=target,
            property_name=name or "",
            reason=reason,
            by="operator",
            since=now,
            until=end,
        )
        add_hold(context, new_hold)
        echo(f"Held: {target}. `connector hold remove` with the same words ends it.")
        return 0

    return run_in_context(work, purpose=Purpose.OPERATE)


@hold.command("list", epilog=help_examples("connector hold list --json"))
@json_option
def hold_list(*, as_json: bool) -> int:
    """List the holds that are in force, except what people set lately."""

    def work(context: RunContext) -> int:
        holds = active_holds(context)
        if as_json:
            write_json([_hold_document(entry) for entry in holds])
        else:
            console().print(_hold_table(holds, context.policy.zone, context.portal_id))
        return 0

    return run_in_context(work, purpose=Purpose.OPERATE, as_json=as_json)


@hold.command("remove", epilog=help_examples("connector hold remove contacts/123"))
@_add_scope_options
def hold_remove(*, name: str | None, **scopes: str | None) -> int:
    """Remove holds; what they held is decided anew."""
    scope, target = _scope(scopes)

    def work(context: RunContext) -> int:
        count = remove_holds(context, scope, target, name)
        echo(f"{count} removed." if count else f"There was no hold on {target}.")
        return 0 if count else 1

    return run_in_context(work, purpose=Purpose.OPERATE)


@click.command(
    epilog=help_examples("connector pause", 'connector pause --reason "import on Friday"')
)
@click.option("--reason", default="", help="The reason, shown in plans and lists.")
def pause(*, reason: str) -> int:
    """Write nothing to the portal until `connector resume`."""

    def work(context: RunContext) -> int:
        pause_portal(context.store, context.portal_id, at=context.api.now(), reason=reason)
        echo(f"Portal {context.portal_id} is paused: nothing is written to it.")
        return 0

    return run_in_context(work, purpose=Purpose.OPERATE)


@click.command(epilog=help_examples("connector resume"))
def resume() -> int:
    """Let writes through again after a pause."""

    def work(context: RunContext) -> int:
        was_paused = resume_portal(context.store, context.portal_id)
        outcome = "is written to again" if was_paused else "was not paused"
        echo(f"Portal {context.portal_id} {outcome}.")
        return 0

    return run_in_context(work, purpose=Purpose.OPERATE)


@click.command(
    epilog=help_examples(
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
@policy_option
@json_option
def undo(*, dry_run: bool, policy: str | None, as_json: bool, **filters: str | None) -> int:
    """Put back what still stands as we left it, and hold it there."""
    selection = _selection(**filters)
    return run_in_context(
        lambda context: _undo(context, selection, dry_run=dry_run, as_json=as_json),
        policy=policy,
        purpose=Purpose.OPERATE,
        writes="nothing" if dry_run else "what was there before",
        as_json=as_json,
    )


def _undo(context: RunContext, selection: Selection, *, dry_run: bool, as_json: bool) -> int:
    context = replace(context, permitted=True)
    _require_known(context, selection)
    if dry_run:
        prepared, result = plan_undo(context, selection), None
    else:
        with (
            context.store.writer_lock(context.portal_id, holder_name="connector undo"),
            log_open_moves_on_error(context),
        ):
            recover(context)
            prepared = plan_undo(context, selection)
            result = undo_writes(context, prepared)
    if as_json:
        write_json(reviewed_plan.undo_document(prepared, result))
    else:
        console().print(reviewed_plan.undo_renderable(prepared, result, context.portal_id))
    return 0


def _require_known(context: RunContext, selection: Selection) -> None:
    """Raise UserError where the selection names what this portal never had."""
    with context.reading() as session:
        if selection.run:
            require_run(session, selection.run)
        if selection.rule:
            require_rule(session, selection.rule)
        if selection.record:
            require_record(session, selection.record)


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
        record=parse_record(record) if record else None,
        rule=rule,
        since=parse_time(since) if since else None,
    )


def _scope(scopes: dict[str, str | None]) -> tuple[HoldScope, str]:
    """Return the one scope that was named."""
    named_scopes = [(name, value) for name, value in scopes.items() if value]
    if len(named_scopes) != 1:
        raise UserError("Name one thing: contacts/123, --company, --domain, --owner or --where.")
    name, text = named_scopes[0]
    match name:
        case "record":
            return HoldScope.RECORD, str(
                _parse_type(text, ObjectType.CONTACTS, ObjectType.COMPANIES)
            )
        case "company":
            return HoldScope.COMPANY, str(_parse_type(text, ObjectType.COMPANIES))
        case "domain":
            return HoldScope.DOMAIN, text.strip().lower().removeprefix("@")
        case "owner":
            return HoldScope.OWNER, text
        case _:
            return HoldScope.VALUE, text


def _parse_type(text: str, *object_types: ObjectType) -> Ref:
    ref = parse_record(text)
    if ref.object_type not in object_types:
        raise UserError(
            f"{text} cannot be held here: name one of {', '.join(map(str, object_types))}, such "
            f"as {object_types[0]}/123."
        )
    return ref


def _hold_document(entry: Hold) -> dict[str, object]:
    return {
        "record": entry.target if entry.scope is HoldScope.RECORD else None,
        "scope": str(entry.scope),
        "of": entry.target,
        "property_name": entry.property_name or None,
        "reason": entry.reason,
        "by": entry.by,
        "until": entry.until.isoformat() if entry.until else None,
    }


def _hold_table(holds: tuple[Hold, ...], zone: ZoneInfo, portal_id: str) -> Table:
    table = new_table("what", "property", "reason", "by", "until")
    table.columns[-1].header = f"until ({zone.key})"
    for entry in holds:
        until = f"{entry.until.astimezone(zone):%Y-%m-%d %H:%M}" if entry.until else "removed"
        target = record_text(portal_id, entry.target)
        table.add_row(target, entry.property_name or "both", entry.reason, entry.by, until)
    return table
