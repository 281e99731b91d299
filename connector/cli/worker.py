"""Work on the portals of a fleet, as one of several workers."""

from __future__ import annotations

import os
from importlib.util import find_spec

import click

from connector.cli.setup import REAL_CLOCK, help_examples, load_shared_settings
from connector.errors import UserError


@click.command(
    epilog=help_examples("connector worker", "connector worker --concurrency 8"),
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1, max=64),
    default=4,
    show_default=True,
    help="So many portals at once.",
)
def worker(*, concurrency: int) -> int:
    """Work on all portals of the folder, beside other workers on the same PostgreSQL database."""
    if os.environ.get("CONNECTOR_PORTAL"):
        raise UserError("A worker works on every portal: leave out --portal, or use `run`.")
    if find_spec("procrastinate") is None:
        raise UserError(
            "A worker needs the queue of the extra `fleet`: "
            "pip install 'hubspot-lifecycle-connector[fleet]'"
        )
    # Loaded where it is used: other commands need no queue.
    from connector.fleet.worker import run

    database_url = load_shared_settings().database_url
    return run(database_url, concurrency=concurrency, monotonic=REAL_CLOCK.monotonic)
