"""Show what is set aside, and let it be tried again."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click
from rich.table import Table

from connector.cli.render.console import console, write_json
from connector.cli.render.record_link import record_text
from connector.cli.setup import help_examples, json_option, parse_record, run_in_context
from connector.context import RunContext
from connector.operations import quarantine as quarantine_operations
from connector.operations.quarantine import SetAside

_record_argument = click.argument("record", required=False, metavar="[contacts/ID]")


@click.group(
    epilog=help_examples(
        "connector quarantine list",
        "connector quarantine list --json | jq '.[].record'",
        "connector quarantine retry contacts/123",
        "connector quarantine drop contacts/123",
    )
)
def quarantine() -> None:
    """Show records that cannot be read and corrections that failed twice; try them again."""


@quarantine.command("list", epilog=help_examples("connector quarantine list --json"))
@json_option
def quarantine_list(*, as_json: bool) -> int:
    """Show what is set aside, why, since when, and when it is tried next."""
    return run_in_context(lambda context: _show(context, as_json=as_json))


@quarantine.command("retry", epilog=help_examples("connector quarantine retry contacts/123"))
@_record_argument
def quarantine_retry(*, record: str | None) -> int:
    """Let a record, or everything, be tried again by the next sync."""
    ref = parse_record(record) if record else None

    def work(context: RunContext) -> int:
        count = quarantine_operations.retry(context, ref)
        console().print(f"{count} tried again by the next `connector sync`, or by the daemon.")
        return 0

    return run_in_context(work)


@quarantine.command("drop", epilog=help_examples("connector quarantine drop contacts/123"))
@_record_argument
def quarantine_drop(*, record: str | None) -> int:
    """Take a record, or everything, off the list; what fails again comes back."""
    ref = parse_record(record) if record else None

    def work(context: RunContext) -> int:
        console().print(f"{quarantine_operations.drop(context, ref)} taken off the list.")
        return 0

    return run_in_context(work)


def _show(context: RunContext, *, as_json: bool) -> int:
    with context.reading() as session:
        entries = quarantine_operations.list_set_aside(session)
    if as_json:
        write_json([_document(entry) for entry in entries])
        return 0
    if not entries:
        console().print("Nothing is set aside.")
        return 0
    zone = context.policy.zone
    table = Table(box=None, pad_edge=False)
    since, next_try = f"since ({zone.key})", f"next try ({zone.key})"
    for heading in ("record", "what", "why", "times", since, next_try):
        table.add_column(heading, justify="right" if heading == "times" else "left")
    for entry in entries:
        table.add_row(
            record_text(context.portal_id, str(entry.record)),
            entry.property_name or "reading",
            entry.reason,
            str(entry.times),
            f"{entry.since.astimezone(zone):%Y-%m-%d %H:%M}",
            _next_try_text(entry, zone),
        )
    console().print(table)
    return 0


def _next_try_text(entry: SetAside, zone: ZoneInfo) -> str:
    if entry.next_try is None:
        return "when its evidence changes"
    return f"{entry.next_try.astimezone(zone):%Y-%m-%d %H:%M}"


def _document(entry: SetAside) -> dict[str, object]:
    return {
        "record": str(entry.record),
        "property_name": entry.property_name,
        "reason": entry.reason,
        "times": entry.times,
        "since": entry.since.isoformat(),
        "next_try": entry.next_try.isoformat() if entry.next_try else None,
    }
