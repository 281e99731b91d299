"""List what ran, the newest run first, with the command that takes it back."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from connector.cli.render import runs as runs_view
from connector.cli.render.console import console, write_json
from connector.cli.setup import help_examples, json_option, load_settings, portal_ids
from connector.config.known_database import open_known_store
from state import portals
from state import runs as stored_runs


@click.command(
    epilog=help_examples("connector runs", "connector runs --limit 5", "connector runs --json")
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="So many runs."
)
@json_option
def runs(*, limit: int, as_json: bool) -> int:
    """List the runs, newest first: what each did, and how to undo it."""
    settings = load_settings()
    documents = []
    with open_known_store(settings) as store:
        for portal_id in portal_ids(store, settings):
            with store.reading(portal_id) as session:
                portal_runs = stored_runs.read(session, limit=limit)
                portal = portals.load(session)
            zone = ZoneInfo(portal.account.time_zone if portal else "UTC")
            if as_json:
                documents += [runs_view.document(portal_id, run) for run in portal_runs]
            else:
                console().print(runs_view.table(portal_id, portal_runs, zone))
    if as_json:
        write_json(documents)
    return 0
