"""Report what mirror, ledger and audit tell beside what is to be corrected."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import click

from connector.commands.frame import examples, json_option, labels_of, policy_option, ready
from connector.desk import Tell
from connector.offline import ClosedDoor, Ground, last_pulled, offline_desk
from connector.opening import read_policy
from connector.reporting.customers import customers
from connector.reporting.overlooked import overlooked
from connector.reporting.report import Report
from connector.reporting.writers import writers
from connector.screens import reports as screens
from connector.screens.bar import progress
from connector.screens.output import console, write_json
from state.store import Store


def _customers(ground: Ground, policy: str, tell: Tell) -> Report:
    return customers(offline_desk(ground, read_policy(policy), tell=tell))


def _overlooked(ground: Ground, policy: str, tell: Tell) -> Report:
    return overlooked(offline_desk(ground, read_policy(policy), tell=tell))


def _writers(ground: Ground, _policy: str, _tell: Tell) -> Report:
    with ground.store.reading() as session:
        return writers(session, ground.portal.account.portal_id)


REPORTS: Final[Mapping[str, Callable[[Ground, str, Tell], Report]]] = {
    "customers": _customers,
    "overlooked": _overlooked,
    "writers": _writers,
}


@click.command(
    epilog=examples(
        "connector report customers",
        "connector report customers --csv > customers.csv",
        "connector report overlooked --json",
        "connector report writers",
        "connector report writers --json | jq '.fights'",
    )
)
@click.argument("name", metavar="|".join(REPORTS), type=click.Choice(list(REPORTS)))
@policy_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Every row, for a spreadsheet.")
def report(*, name: str, policy: str | None, as_json: bool, as_csv: bool) -> int:
    """Tell who is a customer now, who is overlooked, or who sets stage and status.

    HubSpot is not asked.
    """
    settings = ready()
    with progress() as tell, Store.open(settings.database_url) as store:
        door = ClosedDoor(datetime.now(UTC))
        ground = Ground(store=store, portal=last_pulled(store, settings), door=door)
        found = REPORTS[name](ground, policy or settings.policy, tell)
    if as_json:
        write_json(screens.document(found, ground.portal.account.portal_id))
    elif as_csv:
        screens.write_csv(sys.stdout, found)
    else:
        console().print(screens.screen(found, labels_of(ground.portal)))
    return 0
