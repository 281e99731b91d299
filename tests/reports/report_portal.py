"""Read a fake portal into the mirror, and make reports without asking it for anything."""

from __future__ import annotations

from collections.abc import Callable

from connector.config.presets import policy_text
from connector.context import DecisionContext
from connector.core.policy.load import load_policy
from connector.operations.load_histories import load_histories
from connector.pull.poll import pull
from connector.reports.offline import OfflineHubSpot, OfflineInputs, offline_context
from connector.reports.table import Cell, Report
from tests.fakes.connected_portal import ConnectedPortal

STANDARD = "extends: standard\n"


def make_report(
    portal: ConnectedPortal,
    make: Callable[[DecisionContext], Report],
    *,
    settings_text: str = "",
    with_histories: bool = True,
) -> Report:
    """Pull the portal, load its histories where asked, and make a report of what is known."""
    policy_yaml = STANDARD + settings_text
    pull(portal.context(policy_yaml))
    if with_histories:
        load_histories(portal.context(policy_yaml), max_requests=1000)
    portal.take_requests()
    inputs = OfflineInputs(
        store=portal.store, portal=portal.api.portal_info, api=OfflineHubSpot(portal.api.now())
    )
    policy = load_policy(policy_yaml, source="test.yaml", preset_text=policy_text)
    report = make(offline_context(inputs, policy))
    assert portal.take_requests().total() == 0
    return report


def rows_of(report: Report, section: str = "") -> list[dict[str, Cell]]:
    """Return the rows of a report, or of a section, by column."""
    table = next(part for part in report.sections if part.name == section) if section else report
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]
