"""Compare a policy with another one: `plan --policy NEW --against OLD`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from connector.commands.frame import labels_of, load_settings
from connector.comparing import compare
from connector.opening import read_policy
from connector.screens import comparison
from connector.screens.bar import show_progress
from connector.screens.output import console, write_json


def show_difference(new: str | None, old: str, *, output_format: str) -> int:
    """Show what would change if one policy replaced the other; return how many records."""
    settings = load_settings()
    new_policy, old_policy = read_policy(new or settings.policy), read_policy(old)
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
