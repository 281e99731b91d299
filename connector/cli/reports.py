"""Show reports from the mirror, the ledger and the audit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import click

from connector.cli.render import reports as report_view
from connector.cli.render.console import console, write_json
from connector.cli.render.progress import show_progress
from connector.cli.setup import help_examples, json_option, labels_of, load_settings, policy_option
from connector.config.open_run import read_policy
from connector.context import Progress
from connector.reports.customers import customers_report
from connector.reports.offline import (
    OfflineHubSpot,
    OfflineInputs,
    last_pulled_portal,
    offline_context,
)
from connector.reports.overlooked import overlooked_report
from connector.reports.table import Report
from connector.reports.writers import writers_report
from state.db.store import Store


def _customers(inputs: OfflineInputs, policy: str, progress: Progress) -> Report:
    return customers_report(offline_context(inputs, read_policy(policy), progress=progress))


def _overlooked(inputs: OfflineInputs, policy: str, progress: Progress) -> Report:
    return overlooked_report(offline_context(inputs, read_policy(policy), progress=progress))


def _writers(inputs: OfflineInputs, _policy: str, _progress: Progress) -> Report:
    with inputs.store.reading(inputs.portal.account.portal_id) as session:
        return writers_report(session)


REPORTS: Final[Mapping[str, Callable[[OfflineInputs, str, Progress], Report]]] = {
    "customers": _customers,
    "overlooked": _overlooked,
    "writers": _writers,
}


@click.command(
    epilog=help_examples(
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
    """Show who is a customer now, who is overlooked, or who sets stage and status.

    HubSpot is not asked.
    """
    settings = load_settings()
    with show_progress() as bar, Store.open(settings.database_url) as store:
        api = OfflineHubSpot(datetime.now(UTC))
        inputs = OfflineInputs(store=store, portal=last_pulled_portal(store, settings), api=api)
        result = REPORTS[name](inputs, policy or settings.policy, bar)
    if as_json:
        write_json(report_view.document(result, inputs.portal.account.portal_id))
    elif as_csv:
        report_view.write_csv(sys.stdout, result)
    else:
        console().print(report_view.renderable(result, labels_of(inputs.portal)))
    return 0
