"""Gather what each page shows; the templates decide how it looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.corrections.audit import BrokenChain, IntactChain
from connector.core.corrections.holds import HoldScope, hold_scopes
from connector.core.explain.policy_document import document_policy
from connector.core.explain.policy_text import describe_policy
from connector.core.model import Outcome, Portal, Ref
from connector.core.record_address import record_address
from connector.errors import UserError
from connector.operations.check_up import read_check_up
from connector.operations.finding import Finding
from connector.push.review_only import read_review_only
from connector.reports.customers import customers_report
from connector.reports.funnel import funnel_report
from connector.reports.hygiene import hygiene_report
from connector.reports.overlooked import overlooked_report
from connector.reports.record import record_view
from connector.reports.table import Report
from connector.reports.velocity import velocity_report
from connector.reports.writers import writers_report
from connector.web.dashboard.charts import (
    ColumnChart,
    age_chart,
    column_chart,
    duration_chart,
    funnel_chart,
    month_charts,
)
from connector.web.dashboard.counted_reports import CountedReports
from connector.web.dashboard.path_picture import path_picture
from connector.web.dashboard.source import DashboardSource
from state import audit, audit_counts, holds, operator_actions, plans
from state.audit_proof import runs_with_missing_lines
from state.db.transaction import Transaction

_WEEKS: Final = 12
_WEEK: Final = timedelta(weeks=1)
_SHOWN_LINES: Final = 200
_AUDIT_FILTERS: Final = ("record", "run", "rule", "outcome")
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
        # A week includes its last moment, so that a line of this very moment is in the last one.
        start = source.now - _WEEKS * _WEEK + timedelta(milliseconds=1)
        by_week = audit_counts.count_outcomes_by_period(session, since=start, period=_WEEK)
        head = plans.latest(session)
        review_only = read_review_only(session)
    weeks = [
        (source.now - (_WEEKS - number - 1) * _WEEK, by_week.get(number, {}))
        for number in range(_WEEKS)
    ]
    return {
        "outcomes": {str(outcome): count for outcome, count in day.items()},
        "rules": sorted(rules.items(), key=lambda entry: -entry[1]),
        "weeks": weeks,
        "week_outcomes": [
            outcome for outcome in Outcome if any(outcome in counts for counts in by_week.values())
        ],
        "drift": _drift_chart(source, weeks),
        "plan": head,
        "status": source.status,
        "review_only": review_only,
    }


def _drift_chart(
    source: DashboardSource, weeks: Sequence[tuple[datetime, Mapping[Outcome, int]]]
) -> ColumnChart | None:
    """Return the corrections that ended in each week: written, and in any other way."""
    return column_chart(
        [
            (
                local_time(until, source)[5:10],
                {
                    "applied": counts.get(Outcome.APPLIED, 0),
                    "other": sum(counts.values()) - counts.get(Outcome.APPLIED, 0),
                },
            )
            for until, counts in weeks
        ],
        ["applied", "other"],
    )


def audit_page(source: DashboardSource, wanted: Mapping[str, str]) -> Page:
    """Return the newest lines of the audit that fit the filters; proof only where asked for."""
    filters = {name: wanted.get(name, "").strip() for name in _AUDIT_FILTERS}
    outcome = filters["outcome"]
    if outcome and outcome not in list(Outcome):
        raise UserError(f"There is no outcome {outcome!r}: choose one of {', '.join(Outcome)}.")
    with source.store.reading(source.portal_id) as session:
        lines = list(
            audit.read(
                session,
                limit=_SHOWN_LINES,
                record=parse_ref(filters["record"]) if filters["record"] else None,
                run=filters["run"] or None,
                rule=filters["rule"] or None,
                outcome=Outcome(outcome) if outcome else None,
            )
        )
        head = audit.head(session)
        proof = _prove(session) if wanted.get("proof") else None
    return {
        "lines": lines[::-1],
        "filters": filters,
        "outcomes": list(Outcome),
        "head": head,
        "proof": proof,
    }


def _prove(session: Transaction) -> Page:
    """Check both chains, and the runs against the lines, as `connector audit verify` does."""
    verdict = audit.verify(session)
    return {
        "broken": verdict if isinstance(verdict, BrokenChain) else None,
        "intact": verdict if isinstance(verdict, IntactChain) else None,
        "shortfalls": runs_with_missing_lines(session),
        "actions": operator_actions.verify(session),
    }


def record_page(source: DashboardSource, ref: Ref) -> Page:
    """Return one record: what it is, should be and why, what holds it, and its events."""
    account = source.portal.account
    context = source.context()
    view = record_view(context, ref)
    with source.store.reading(source.portal_id) as session:
        scopes = set(hold_scopes(view.record))
        active = [
            hold
            for hold in holds.read_active(session, now=source.now)
            if (hold.scope, hold.target) in scopes
        ]
        waiting = [
            action for action in operator_actions.read_waiting(session) if action.record == str(ref)
        ]
    return {
        "view": view,
        "hubspot_link": record_address(account.portal_id, ref, domain=account.ui_domain),
        "holds": active,
        "is_held_itself": any(hold.scope is HoldScope.RECORD for hold in active),
        "has_writes": any(event.outcome == Outcome.APPLIED for event in view.events),
        "waiting": waiting,
    }


def report_page(source: DashboardSource, name: str, reports: CountedReports) -> Page:
    """Return one report, None while it is counted; UserError where there is none of that name."""
    if name not in REPORTS:
        raise UserError(f"There is no report {name!r}: choose one of {', '.join(REPORTS)}.")
    counted = reports.read(name, partial(_count_report, name=name), source)
    if counted is None:
        return {"name": name, "report": None}
    return {"name": name, "counted_at": counted.counted_at, **counted.page}


def _count_report(source: DashboardSource, name: str) -> Page:
    """Make a report and its charts."""
    report, labels = REPORTS[name](source), source.labels()

    def label(value: str | None) -> str:
        return labels.get(value, value) if value else "blank"

    today = source.now.astimezone(source.policy.zone).date()
    return {
        "report": report,
        "funnel": funnel_chart(report, label) if name == "funnel" else None,
        "months": month_charts(report, label) if name == "funnel" else [],
        "durations": duration_chart(report, label) if name == "velocity" else None,
        "ages": age_chart(report, today) if name == "overlooked" else None,
        "score": report.json_only.get("score") if name == "hygiene" else None,
    }


def check_up_page(source: DashboardSource) -> Page:
    """Return the last check-up of `connector check`, by section; None where none was stored."""
    with source.store.reading(source.portal_id) as session:
        check_up = read_check_up(session)
    sections: dict[str, list[Finding]] = {}
    for finding in check_up.findings if check_up else ():
        sections.setdefault(finding.section, []).append(finding)
    return {"check_up": check_up, "sections": sections}


def policy_page(source: DashboardSource) -> Page:
    """Return the policy in plain words, stage by stage, with a picture of the path."""
    return policy_in_words(source.policy, source.portal)


def policy_in_words(policy: BoundPolicy, portal: Portal) -> Page:
    """Return what the document of a policy shows, on its page and in `policy show`."""
    document = document_policy(policy, portal)
    return {
        "document": document,
        "picture": path_picture(document),
        "settings": describe_policy(policy, portal).settings,
    }


def parse_ref(text: str) -> Ref:
    """Return the record that a person typed; UserError says how to write it."""
    try:
        return Ref.parse(text.strip())
    except ValueError:
        raise UserError(f"{text!r} is no record: write contacts/123 or companies/45.") from None


def local_time(at: datetime, source: DashboardSource) -> str:
    """Return a time by the portal's clock."""
    return f"{at.astimezone(source.policy.zone):%Y-%m-%d %H:%M}"
