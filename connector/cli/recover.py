"""Finish, list or release open moves: recover."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from connector.cli.cycle import raise_if_open
from connector.cli.render.console import console, echo, write_json
from connector.cli.setup import help_examples, json_option, parse_record, run_in_context
from connector.config.policy_choice import Purpose
from connector.context import RunContext
from connector.push.recover_open_moves import log_open_moves_on_error
from connector.push.recover_open_moves import recover as recover_moves
from connector.push.stuck_moves import OpenMove, list_open_moves, release


@click.command(
    epilog=help_examples(
        "connector recover --list",
        "connector recover",
        "connector recover --release contacts/123",
    )
)
@click.option("--list", "list_only", is_flag=True, help="Show the open moves, and write nothing.")
@click.option(
    "--release",
    "release_record",
    metavar="RECORD",
    help="Give up the open move of a record: it stays as it is, and is decided anew.",
)
@json_option
def recover(*, list_only: bool, release_record: str | None, as_json: bool) -> int:
    """Finish the moves that a stopped run, or HubSpot's refusals, left open.

    A record whose stage was cleared, and for which HubSpot takes neither the new stage nor the
    old one, may stand without a stage. The daemon tries it again by itself, after a minute, two,
    four, and so on up to an hour; every other command tries it when it starts.
    """

    def work(context: RunContext) -> int:
        if list_only:
            _show(list_open_moves(context), context.policy.zone, as_json=as_json)
            return 0
        with context.store.writer_lock(context.portal_id, holder_name="connector recover"):
            if release_record is not None:
                return _release(context, release_record)
            return _recover(context, as_json=as_json)

    # What was begun is finished whichever policy decides from now on.
    return run_in_context(work, purpose=Purpose.OPERATE)


def _recover(context: RunContext, *, as_json: bool) -> int:
    """Try every open move now; 4 where some stay open."""
    with log_open_moves_on_error(context):
        count = recover_moves(context)
    still_open = list_open_moves(context)
    if as_json:
        _show(still_open, context.policy.zone, as_json=True)
    else:
        echo(f"{count - len(still_open)} of {count} open moves are finished.")
    raise_if_open([open_move.move.record for open_move in still_open])
    return 0


def _release(context: RunContext, record: str) -> int:
    move = release(context, parse_record(record))
    echo(
        f"{move.record} is released: it stays in HubSpot as it is, which may be without a stage, "
        f"and the next run decides it anew. `connector explain {move.record}` shows how."
    )
    return 0


def _show(open_moves: tuple[OpenMove, ...], zone: ZoneInfo, *, as_json: bool) -> None:
    if as_json:
        write_json([_document(open_move) for open_move in open_moves])
    elif open_moves:
        console().print(_table(open_moves, zone))
    else:
        echo("No move is open.")


def _document(open_move: OpenMove) -> dict[str, Any]:
    move, stuck = open_move.move, open_move.stuck
    return {
        "record": str(move.record),
        "run": move.run,
        "phase": str(move.phase),
        "before": move.original_values,
        "after": move.target_values,
        "promised_at": move.promised_at.isoformat(),
        "tries": stuck.tries if stuck else 0,
        "next_try_at": stuck.next_try_at.isoformat() if stuck else None,
        "reason": stuck.reason if stuck else "",
    }


def _table(open_moves: tuple[OpenMove, ...], zone: ZoneInfo) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    since, next_try = f"open since ({zone.key})", f"next try ({zone.key})"
    for heading in ("record", "from", "to", since, "tries", next_try, "why"):
        table.add_column(heading, overflow="fold")
    for open_move in open_moves:
        move, stuck = open_move.move, open_move.stuck
        table.add_row(
            str(move.record),
            ", ".join(value or "blank" for value in move.original_values.values()),
            ", ".join(value or "blank" for value in move.target_values.values()),
            f"{move.promised_at.astimezone(zone):%Y-%m-%d %H:%M}",
            str(stuck.tries if stuck else 0),
            f"{stuck.next_try_at.astimezone(zone):%Y-%m-%d %H:%M}"
            if stuck
            else "at the next start",
            stuck.reason if stuck else "a run was stopped while it wrote",
        )
    return table
