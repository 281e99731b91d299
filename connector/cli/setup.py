"""What every command shares: its options, the examples in its help, and the run context."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import click

from connector.cli.common_options import is_quiet
from connector.cli.render.console import echo
from connector.cli.render.context_line import context_line
from connector.cli.render.plan import labels_by_value
from connector.cli.render.plan_formats import FORMATS
from connector.cli.render.progress import show_progress
from connector.config import settings
from connector.config.policy_choice import Purpose
from connector.config.run_clock import RunClock
from connector.context import RunContext
from connector.core.model import STATUS, ObjectType, Portal, Ref
from connector.errors import UserError
from connector.telemetry import logs
from state import portals
from state.db.store import Store

# https://knowledge.hubspot.com/records/view-and-customize-record-overviews: a record's address
# names the object by its type id, and by its name in older links.
_RECORD_ADDRESS: Final = re.compile(
    r"https?://app[\w-]*\.hubspot\.com/contacts/\d+/(?:record/)?(0-[123]|contact|company|deal)/(\d+)"
)
_ADDRESS_TYPES: Final = {
    "0-1": "contacts",
    "0-2": "companies",
    "0-3": "deals",
    "contact": "contacts",
    "company": "companies",
    "deal": "deals",
}
REAL_CLOCK = RunClock(wait=time.sleep, monotonic=time.monotonic, wall_clock=time.time)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document, for scripts."
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="For people, for scripts, for a pull request, for a spreadsheet.",
)
policy_option = click.option("--policy", metavar="F", help="A preset's name or a policy file.")
no_limits_option = click.option(
    "--no-limits", is_flag=True, help="Apply all of the plan, over any limit."
)


def help_examples(*lines: str) -> str:
    """Return the examples at the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def load_settings() -> settings.Settings:
    """Read the settings, and send the logs where they say."""
    return _use(settings.read())


def load_shared_settings() -> settings.Settings:
    """Read the settings that belong to no portal of a fleet, and send the logs where they say."""
    return _use(settings.read_shared())


def _use(loaded_settings: settings.Settings) -> settings.Settings:
    logs.add_secrets(*loaded_settings.secrets)
    logs.configure(log_format=loaded_settings.log_format)
    return loaded_settings


def run_in_context(
    work: Callable[[RunContext], int],
    *,
    policy: str | None = None,
    purpose: Purpose = Purpose.DECIDE,
    writes: str = "nothing",
    as_json: bool = False,
    creates_database: bool = False,
) -> int:
    """Open the run context, say what it rests on, and do the work; return the exit code.

    `creates_database` says that the command may begin with a new database; any other refuses one
    that never mirrored the portal. `policy` is the value of `--policy`. `writes` names in a few
    words what the command may write to HubSpot. The line about portal, policy and database goes to
    standard error, unless the result is JSON, whose `context` holds the same, or `--quiet` was
    given.
    """
    # Loaded here: commands that read the database alone need no client of HubSpot.
    from connector.config.open_run import open_context

    with (
        show_progress() as bar,
        open_context(
            load_settings(),
            REAL_CLOCK,
            progress=bar,
            policy=policy,
            purpose=purpose,
            creates_database=creates_database,
        ) as context,
    ):
        if not as_json and not is_quiet():
            echo(context_line(context.portal_id, context.origin, writes=writes), err=True)
        bar.allowance = context.api.allowance
        return work(context)


def portal_ids(store: Store, loaded_settings: settings.Settings) -> tuple[str, ...]:
    """Return the portal that the settings name, else all that are stored.

    Raises UserError where there is a folder of several portals, and none was named.
    """
    settings.require_one_portal(loaded_settings)
    if loaded_settings.portal_id:
        return (loaded_settings.portal_id,)
    with store.reading_all_portals() as session:
        return portals.ids(session)


def parse_record(text: str) -> Ref:
    """Read `contacts/123`, or the address of a record in HubSpot; raise UserError otherwise.

    >>> str(parse_record("https://app-eu1.hubspot.com/contacts/147893286/record/0-1/123?x=1"))
    'contacts/123'
    >>> str(parse_record("https://app.hubspot.com/contacts/147893286/company/45"))
    'companies/45'
    """
    match = _RECORD_ADDRESS.match(text.strip())
    try:
        return Ref.parse(f"{_ADDRESS_TYPES[match[1]]}/{match[2]}" if match else text)
    except ValueError as error:
        raise UserError(str(error)) from error


def parse_time(text: str) -> datetime:
    """Read a day or a time; without a zone it is UTC."""
    try:
        parsed_time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{text!r} is no day or time: write 2026-11-30.") from error
    return parsed_time if parsed_time.tzinfo else parsed_time.replace(tzinfo=UTC)


def context_labels(context: RunContext) -> dict[str, str]:
    """Return the labels of the run's portal."""
    return labels_of(context.portal)


def labels_of(portal: Portal) -> dict[str, str]:
    """Return a portal's labels of stages and lead statuses by internal value."""
    kinds = (ObjectType.COMPANIES, ObjectType.CONTACTS)
    stages = [stage for kind in kinds for stage in portal.stages(kind)]
    return labels_by_value([*stages, *portal.options(ObjectType.CONTACTS, STATUS)])
