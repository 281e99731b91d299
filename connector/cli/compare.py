"""Compare a policy with another one: `plan --policy NEW --against OLD`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from connector.cli.render import comparison
from connector.cli.render.console import console, write_json
from connector.cli.render.progress import show_progress
from connector.cli.setup import labels_of, load_settings
from connector.config.open_run import read_policy
from connector.operations.compare_policies import compare


def show_difference(new: str | None, old: str, *, output_format: str) -> int:
    """Show what would change if one policy replaced the other; return how many records."""
    settings = load_settings()
    new_policy = read_policy(new or settings.policy, settings)
    old_policy = read_policy(old, settings)
    with show_progress() as bar:
        difference = compare(settings, new_policy, old_policy, now=datetime.now(UTC), progress=bar)
    labels = labels_of(difference.portal)
    if output_format == "csv":
        raise click.UsageError("A comparison comes as text, json or markdown.")
    if output_format == "json":
        write_json(comparison.document(difference))
    elif output_format == "markdown":
        sys.stdout.write(comparison.markdown(difference, labels))
    else:
        console().print(comparison.renderable(difference, labels))
    return difference.records
