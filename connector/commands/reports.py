"""Tell what the mirror knows beside what is to be corrected: reports, without a request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import click

from connector.commands.frame import examples, json_option, labels_of, policy_option, ready
from connector.desk import Desk
from connector.offline import ClosedDoor, Ground, last_pulled, offline_desk
from connector.opening import read_policy
from connector.reporting.customers import customers
from connector.reporting.report import Report
from connector.screens import reports as screens
from connector.screens.output import console, progress, write_json
from state.store import Store

REPORTS: Final[Mapping[str, Callable[[Desk], Report]]] = {
    "customers": customers,
}


@click.command(
    epilog=examples(
        "connector report customers",
        "connector report customers --csv > customers.csv",
        "connector report customers --json | jq '.rows[0]'",
    )
)
@click.argument("name", metavar="|".join(REPORTS), type=click.Choice(list(REPORTS)))
@policy_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Every row, for a spreadsheet.")
def report(*, name: str, policy: str | None, as_json: bool, as_csv: bool) -> int:
    """Tell what the mirror knows: customers by last won deal; HubSpot is not asked."""
    settings = ready()
    read = read_policy(policy or settings.policy)
    with progress() as tell, Store.open(settings.database_url) as store:
        door = ClosedDoor(datetime.now(UTC))
        ground = Ground(store=store, portal=last_pulled(store, settings), door=door)
        found = REPORTS[name](offline_desk(ground, read, tell=tell))
    if as_json:
        write_json(screens.document(found, ground.portal.account.portal_id))
    elif as_csv:
        screens.write_csv(sys.stdout, found)
    else:
        console().print(screens.screen(found, labels_of(ground.portal)))
    return 0
