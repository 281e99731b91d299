"""What every command shares: its options, the examples in its help, and the desk."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import click
from sqlalchemy.orm import Session

from connector import logs, settings
from connector.core.model import STATUS, ObjectType, Portal, Ref
from connector.desk import Desk
from connector.errors import UserError
from connector.opening import Clockwork, open_desk
from connector.screens.bar import progress
from connector.screens.formats import FORMATS
from connector.screens.plan import labels
from state import portals

REAL = Clockwork(wait=time.sleep, monotonic=time.monotonic)

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
    "--no-limits", is_flag=True, help="Apply whatever the plan holds: for scripts that know."
)


def examples(*lines: str) -> str:
    """Return the examples at the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def ready() -> settings.Settings:
    """Read the settings, and send the logs where they say."""
    found = settings.read()
    logs.hide(*found.secrets)
    logs.configure(form=found.log_format)
    return found


def at_desk(work: Callable[[Desk], int], *, policy: str | None = None) -> int:
    """Lay out the desk, show the progress, and do the work."""
    with progress() as tell, open_desk(ready(), REAL, tell=tell, policy=policy) as desk:
        tell.allowance = desk.door.allowance
        return work(desk)


def portal_ids(session: Session, found: settings.Settings) -> tuple[str, ...]:
    """Return the portal that the settings name, else all that are stored."""
    return (found.portal_id,) if found.portal_id else portals.ids(session)


def record_named(text: str) -> Ref:
    """Read `contacts/123`; raise UserError otherwise."""
    try:
        return Ref.parse(text)
    except ValueError as wrong:
        raise UserError(str(wrong)) from wrong


def moment(text: str) -> datetime:
    """Read a day or a time; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise UserError(f"{text!r} is no day or time: write 2026-11-30.") from wrong
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def portal_labels(desk: Desk) -> dict[str, str]:
    """Return the labels of the portal on the desk."""
    return labels_of(desk.portal)


def labels_of(portal: Portal) -> dict[str, str]:
    """Return a portal's labels of stages and lead statuses by internal value."""
    kinds = (ObjectType.COMPANIES, ObjectType.CONTACTS)
    stages = [one for kind in kinds for one in portal.stages(kind)]
    return labels([*stages, *portal.options(ObjectType.CONTACTS, STATUS)])
