"""Gather what each page shows; the templates decide how it looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from connector.core.model import Ref
from connector.core.record_address import record_address
from connector.errors import UserError
from connector.reports.customers import customers_report
from connector.reports.funnel import funnel_report
from connector.reports.hygiene import hygiene_report
from connector.reports.overlooked import overlooked_report
from connector.reports.record import record_view
from connector.reports.table import Report
from connector.reports.velocity import velocity_report
from connector.reports.writers import writers_report
from connector.web.dashboard.source import DashboardSource
from state import audit, audit_counts, plans

_WEEKS: Final = 12
_SHOWN_CORRECTIONS: Final = 200
_SHOWN_LINES: Final = 200
Page = dict[str, Any]


def _writers(source: DashboardSource) -> Report:
    with source.store.reading(source.portal_id) as session:
        return writers_report(session)


REPORTS: Final[Mapping[str, Callable[[DashboardSource], Report]]] = {
    "funnel": lambda source: funnel_report(source.context()),
    "velocity": lambda source: velocity_report(source.context()),
    "hygiene": lambda source: hygiene_report(source.context()),
    "overlooked": lambda source: overlooked_report(source.context()),
    "writers": _writers,
    "customers": lambda source: customers_report(source.context()),
}


def today_page(source: DashboardSource) -> Page:
    """Return what was corrected lately, what waits, and how the daemon does."""
    with source.store.reading(source.portal_id) as session:
        day = audit_counts.count_outcomes(session, since=source.now - timedelta(days=1))
        rules = audit_counts.count_records_by_rule(session, since=source.now - timedelta(days=1))
        starts = [source.now - timedelta(weeks=number) for number in range(_WEEKS, 0, -1)]
        totals = [
            sum(audit_counts.count_outcomes(session, since=start).values()) for start in starts
        ]
        head = plans.latest(session)
    later_totals = [*totals[1:], 0]
    weeks = [
        (start + timedelta(weeks=1), total - later)
        for start, total, later in zip(starts, totals, later_totals, strict=True)
    ]
    return {
        "outcomes": {str(outcome): count for outcome, count in day.items()},
        "rules": sorted(rules.items(), key=lambda entry: -entry[1]),
        "weeks": weeks,
        "plan": head,
        "status": source.status,
    }


def corrections_page(source: DashboardSource, rule: str) -> Page:
    """Return the newest plan's corrections, of one rule where named."""
    with source.store.reading(source.portal_id) as session:
        head = plans.latest(session)
        moves = plans.read_corrections(session, head.plan_id, limit=5_000) if head else []
    corrections = [
        correction
        for _, move in moves
        for correction in move
        if not rule or correction.rule == rule
    ]
    return {
        "plan": head,
        "rule": rule,
        "corrections": corrections[:_SHOWN_CORRECTIONS],
        "hidden": max(0, len(corrections) - _SHOWN_CORRECTIONS),
    }


def audit_page(source: DashboardSource, record: str) -> Page:
    """Return the newest lines of the audit, of one record where named."""
    ref = parse_ref(record) if record else None
    with source.store.reading(source.portal_id) as session:
        lines = list(audit.read(session, record=ref, limit=_SHOWN_LINES))
        head = audit.head(session)
    return {"lines": lines[::-1], "record": record, "head": head}


def record_page(source: DashboardSource, ref: Ref) -> Page:
    """Return one record: what it is, what it should be and why, and its events."""
    account = source.portal.account
    link = record_address(account.portal_id, ref, domain=account.ui_domain)
    return {"view": record_view(source.context(), ref), "hubspot_link": link}


def report_page(source: DashboardSource, name: str) -> Page:
    """Return one report; UserError where there is none of that name."""
    if name not in REPORTS:
        raise UserError(f"There is no report {name!r}: choose one of {', '.join(REPORTS)}.")
    return {"report": REPORTS[name](source)}


def parse_ref(text: str) -> Ref:
    """Return the record that a person typed; UserError says how to write it."""
    try:
        return Ref.parse(text.strip())
    except ValueError:
        raise UserError(f"{text!r} is no record: write contacts/123 or companies/45.") from None


def local_time(at: datetime, source: DashboardSource) -> str:
    """Return a time by the portal's clock."""
    return f"{at.astimezone(source.policy.zone):%Y-%m-%d %H:%M}"
