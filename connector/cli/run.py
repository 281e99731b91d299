"""Run as a daemon."""

from __future__ import annotations

import os

import click

from connector.app import run as run_daemon
from connector.cli.setup import REAL_CLOCK, help_examples, load_settings, policy_option, portal_ids
from connector.config import settings
from connector.config.open_run import policy_memory, read_policy
from connector.config.policy_choice import (
    Purpose,
    named_policy,
    require_last_policy,
    unnamed_policy,
)
from connector.config.settings import Settings
from connector.daemon import daemon_settings
from state.db.store import Store


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
    loaded_settings = load_settings()
    # The daemon reads its settings again before each cycle, from the environment.
    os.environ["CONNECTOR_POLICY"] = policy or _portal_policy(loaded_settings)
    return run_daemon(settings.read, daemon_settings.read(), REAL_CLOCK.monotonic)


def _portal_policy(loaded_settings: Settings) -> str:
    """Return the policy to run by: the one that is named, else the portal's own.

    Which portal it is, is known here from the settings or from a database with a single portal;
    with several, the settings' policy holds.
    """
    named = named_policy(loaded_settings, None)
    if named:
        return named.name
    with Store.open(loaded_settings.database_url) as store:
        ids = portal_ids(store, loaded_settings)
        if len(ids) != 1:
            return loaded_settings.policy
        memory = policy_memory(store, ids[0])
    choice = unnamed_policy(loaded_settings, memory, Purpose.DECIDE)
    require_last_policy(choice, read_policy(choice.name, loaded_settings), memory)
    return choice.name
