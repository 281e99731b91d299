"""Run as a daemon."""

from __future__ import annotations

from dataclasses import replace

import click

from connector.app import run as run_daemon
from connector.cli.setup import REAL_CLOCK, help_examples, load_settings, policy_option
from connector.config import settings
from connector.config.policy_choice import OPTION
from connector.config.settings import Settings
from connector.daemon import daemon_settings


@click.command(
    epilog=help_examples(
        "connector run",
        "connector run --policy my.yaml",
        "CONNECTOR_WRITES=apply connector run",
    )
)
@policy_option
def run(*, policy: str | None) -> int:
    """Poll, listen to webhooks, decide, and write where CONNECTOR_WRITES=apply says so."""
    load_settings()

    # The daemon reads its settings again before each cycle; the option stays above all of them.
    def read_settings() -> Settings:
        loaded_settings = settings.read()
        if not policy:
            return loaded_settings
        return replace(loaded_settings, policy=policy, policy_source=OPTION)

    return run_daemon(read_settings, daemon_settings.read(), REAL_CLOCK.monotonic)
