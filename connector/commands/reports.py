"""Report what mirror, ledger and audit tell, without a request to HubSpot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

import click
from sqlalchemy.orm import Session

from connector.commands.frame import examples, json_option, portal_ids, ready
from connector.reporting.sheet import Sheet
from connector.reporting.writers import writers
from connector.screens import sheets
from connector.screens.formats import write_csv
from connector.screens.output import console, write_json
from state.store import Store

# Each report makes a sheet out of the store, for one portal.
REPORTS: Final[dict[str, Callable[[Session, str], Sheet]]] = {
    "writers": writers,
}


@click.command(
    epilog=examples(
        "connector report writers",
        "connector report writers --json | jq '.fights'",
        "connector report writers --csv > writers.csv",
    )
)
@click.argument("name", type=click.Choice(list(REPORTS)))
@click.option("--csv", "as_csv", is_flag=True, help="A table for a spreadsheet.")
@json_option
def report(*, name: str, as_csv: bool, as_json: bool) -> int:
    """Report on a portal from what is stored of it: `writers` names who sets stage and status."""
    settings = ready()
    with Store.open(settings.database_url) as store, store.reading() as session:
        for portal_id in portal_ids(session, settings):
            _show(REPORTS[name](session, portal_id), as_csv=as_csv, as_json=as_json)
    return 0


def _show(sheet: Sheet, *, as_csv: bool, as_json: bool) -> None:
    if as_json:
        write_json(sheet.document)
    elif as_csv:
        rows = ([row[name] for name in sheet.columns] for row in sheet.rows)
        write_csv(sys.stdout, sheet.columns, rows)
    else:
        console().print(sheets.screen(sheet))
