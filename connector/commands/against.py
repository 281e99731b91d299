"""Compare a policy with another one: `plan --policy NEW --against OLD`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from connector.commands.frame import labels_of, ready
from connector.comparing import compare
from connector.opening import read_policy
from connector.screens import comparison
from connector.screens.bar import progress
from connector.screens.output import console, write_json


def show_difference(new: str | None, old: str, *, form: str) -> int:
    """Show what would change if one policy replaced the other; return how many records."""
    settings = ready()
    first, second = read_policy(new or settings.policy), read_policy(old)
    with progress() as tell:
        found = compare(settings, first, second, now=datetime.now(UTC), tell=tell)
    names = labels_of(found.portal)
    if form == "csv":
        raise click.UsageError("A comparison comes as text, json or markdown.")
    if form == "json":
        write_json(comparison.document(found))
    elif form == "markdown":
        sys.stdout.write(comparison.markdown(found, names))
    else:
        console().print(comparison.screen(found, names))
    return found.records
