"""Show reports from the mirror, the ledger and the audit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import click

from connector.cli.common_options import is_quiet
from connector.cli.render import reports as report_view
from connector.cli.render.console import console, echo, write_json
from connector.cli.render.context_line import context_document, context_line
from connector.cli.render.progress import show_progress
from connector.cli.setup import help_examples, json_option, labels_of, load_settings, policy_option
from connector.config.known_database import open_known_store
from connector.config.open_run import policy_memory, read_policy, run_origin
from connector.config.policy_choice import policy_to_show
from connector.config.settings import Settings
from connector.context import DecisionContext, Progress
from connector.core.model import ObjectType
from connector.errors import UserError
from connector.reports.customers import customers_report
from connector.reports.funnel import funnel_report
from connector.reports.hygiene import hygiene_report
from connector.reports.offline import (
    OfflineHubSpot,
    OfflineInputs,
    last_pulled_portal,
    offline_context,
)
from connector.reports.overlooked import overlooked_report
from connector.reports.table import Report
from connector.reports.velocity import velocity_report
from connector.reports.writers import writers_report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What a report is asked for; `by` and `kind` count for some reports only."""

    inputs: OfflineInputs
    policy: str
    settings: Settings
    progress: Progress
    by: str | None
    kind: ObjectType
    owner: str | None
    stage: str | None

    def context(self) -> DecisionContext:
        policy = read_policy(self.policy, self.settings)
        return offline_context(self.inputs, policy, progress=self.progress)


def _writers(request: _Request) -> Report:
    with request.inputs.store.reading(request.inputs.portal.account.portal_id) as session:
        return writers_report(session)


REPORTS: Final[Mapping[str, Callable[[_Request], Report]]] = {
    "overlooked": lambda request: overlooked_report(
        request.context(), owner=request.owner, stage=request.stage
    ),
    "hygiene": lambda request: hygiene_report(request.context()),
    "funnel": lambda request: funnel_report(request.context(), request.kind),
    "velocity": lambda request: velocity_report(request.context(), request.kind, request.by),
    "writers": _writers,
    "customers": lambda request: customers_report(request.context()),
}


@click.command(
    epilog=help_examples(
        "connector report customers --csv > customers.csv",
        "connector report overlooked --json",
        "connector report overlooked --owner 76000001",
        "connector report hygiene",
        "connector report funnel --csv --table cohorts",
        "connector report velocity --by hubspot_owner_id",
        "connector report writers --json | jq '.fights'",
    )
)
@click.argument("name", metavar="|".join(REPORTS), type=click.Choice(list(REPORTS)))
@policy_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Every row, for a spreadsheet.")
@click.option("--table", metavar="NAME", help="With --csv: a further table of the report.")
@click.option("--by", metavar="PROPERTY", help="velocity: group by a mirrored property.")
@click.option("--owner", metavar="ID", help="overlooked: of this owner; none: without one.")
@click.option("--stage", metavar="S", help="overlooked: in this stage, by value or label.")
@click.option("--companies", is_flag=True, help="funnel, velocity: companies, not contacts.")
def report(  # noqa: PLR0913 - an option each
    *,
    name: str,
    policy: str | None,
    as_json: bool,
    as_csv: bool,
    table: str | None,
    by: str | None,
    owner: str | None,
    stage: str | None,
    companies: bool,
) -> int:
    """Show customers, overlooked contacts, contradictions, the funnel, its velocity, or writers.

    Everything comes from the mirror and the ledger: no request is sent to HubSpot.
    """
    settings = load_settings()
    with show_progress() as bar, open_known_store(settings) as store:
        portal = last_pulled_portal(store, settings)
        portal_id = portal.account.portal_id
        choice = policy_to_show(settings, policy, policy_memory(store, portal_id))
        origin = run_origin(settings, choice)
        if not as_json and not is_quiet():
            echo(context_line(portal_id, origin, writes="nothing"), err=True)
        api = OfflineHubSpot(datetime.now(UTC))
        request = _Request(
            inputs=OfflineInputs(store=store, portal=portal, api=api),
            policy=choice.name,
            settings=settings,
            progress=bar,
            by=by,
            owner=owner,
            stage=stage,
            kind=ObjectType.COMPANIES if companies else ObjectType.CONTACTS,
        )
        result = REPORTS[name](request)
    if as_json:
        where = context_document(portal_id, origin, writes="nothing")
        write_json({**report_view.document(result, portal_id), "context": where})
    elif as_csv:
        report_view.write_csv(sys.stdout, _section(result, table), portal_id)
    else:
        screen = console()
        screen.print(
            report_view.renderable(
                result, labels_of(portal), portal_id=portal_id, with_bars=screen.is_terminal
            )
        )
    return 0


def _section(result: Report, table: str | None) -> Report:
    tables = {section.name: section for section in (result, *result.sections)}
    name = table or result.name
    if name not in tables:
        raise UserError(f"--table {name}: this report has the tables {', '.join(tables)}.")
    return tables[name]
