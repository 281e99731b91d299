"""Run as a daemon."""

from __future__ import annotations

import click

from connector import settings
from connector.app import run as work
from connector.commands.frame import REAL, examples, ready
from connector.daemon import settings as daemon_settings


@click.command(epilog=examples("connector run", "CONNECTOR_WRITES=apply connector run"))
def run() -> int:
    """Poll, listen to webhooks, decide, and write where CONNECTOR_WRITES=apply says so."""
    ready()
    return work(settings.read, daemon_settings.read(), REAL.monotonic)
