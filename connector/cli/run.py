"""Run as a daemon."""

from __future__ import annotations

import click

from connector.app import run as run_daemon
from connector.cli.setup import REAL_CLOCK, help_examples, load_settings
from connector.config import settings
from connector.daemon import settings as daemon_settings


@click.command(epilog=help_examples("connector run", "CONNECTOR_WRITES=apply connector run"))
def run() -> int:
    """Poll, listen to webhooks, decide, and write where CONNECTOR_WRITES=apply says so."""
    load_settings()
    return run_daemon(settings.read, daemon_settings.read(), REAL_CLOCK.monotonic)
