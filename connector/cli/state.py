"""The command about the database itself: `connector state copy`."""

from __future__ import annotations

from dataclasses import asdict

import click
import orjson

from connector.cli.render.console import echo
from connector.cli.setup import help_examples, json_option, load_settings
from connector.cli.suggestions import SuggestingGroup
from connector.operations.copy_state import CopiedPortal, copy_state
from connector.telemetry import logs
from state.db.addresses import password_of
from state.db.store import Store


@click.group(
    cls=SuggestingGroup,
    epilog=help_examples(
        "connector state copy sqlite:///var/connector.db postgresql+psycopg://crm@db/connector"
    ),
)
def state() -> None:
    """Move what the connector remembers to another database."""
    load_settings()


@state.command(
    epilog=help_examples(
        "connector state copy sqlite:///var/connector.db postgresql+psycopg://crm@db/connector",
        "connector state copy FROM TO --portal 147893286 --with-open-moves",
    )
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--portal", "portal_ids", multiple=True, metavar="ID", help="Only this portal.")
@click.option(
    "--with-open-moves",
    is_flag=True,
    help="Copy open moves too; the next start on TO finishes them.",
)
@json_option
def copy(
    *,
    source: str,
    target: str,
    portal_ids: tuple[str, ...],
    with_open_moves: bool,
    as_json: bool,
) -> int:
    """Copy everything that is remembered from database FROM to database TO.

    Mirror, checkpoints, audit, ledger, holds, plans and open moves are copied; each portal whole or
    not at all, and compared. TO must not know the portals yet. FROM stays as it is: stop every
    connector that uses it before the copy, and start none on it again.
    """
    logs.add_secrets(*filter(None, map(password_of, (source, target))))
    with Store.open(source, create=False) as source_store, Store.open(target) as target_store:
        copied = copy_state(
            source_store,
            target_store,
            portal_ids=portal_ids,
            with_open_moves=with_open_moves,
            progress=_ignore if as_json else _print_portal,
        )
    if as_json:
        echo(orjson.dumps({"portals": [asdict(portal) for portal in copied]}).decode())
    else:
        echo(
            "The copy is like the original. Now set CONNECTOR_DATABASE_URL to TO, and start no "
            "connector on FROM again."
        )
    return 0


def _ignore(_copied: CopiedPortal) -> None:
    """Show nothing: the document at the end says it all."""


def _print_portal(copied: CopiedPortal) -> None:
    open_moves = f", {copied.open_moves} of them open moves" if copied.open_moves else ""
    echo(
        f"Portal {copied.portal_id}: {copied.rows:,} rows, {copied.audit_lines:,} of them lines of "
        f"the audit, whose chain holds{open_moves}."
    )
