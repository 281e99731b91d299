"""Write the JSON of events: what was applied, and what others changed."""

from __future__ import annotations

from typing import Any

import orjson

from connector.core.corrections.audit import AuditLine
from connector.core.follow_up.news import News, NewsKind
from connector.core.model import STAGE, STATUS, Outcome
from state.outgoing_events import OutgoingEvent


def is_event(line: AuditLine) -> bool:
    """Return whether an audit line is posted: an applied stage or lead status."""
    return line.outcome is Outcome.APPLIED and line.property_name in {STAGE, STATUS}


def applied_event(portal_id: str, place: int, line: AuditLine) -> OutgoingEvent:
    """Return the event of a correction that was applied; `place` is its line's in the audit."""
    data = {
        "record": str(line.record),
        "property_name": line.property_name,
        "before": line.before,
        "after": line.after,
        "rule": line.rule,
        "policy": line.policy,
        "run": line.run,
        "by": "connector",
    }
    return OutgoingEvent(
        event_id=f"evt_{portal_id}_{place}",
        record=line.record,
        document=_document(f"{line.property_name}.changed", line.at.isoformat(), portal_id, data),
    )


def observed_event(portal_id: str, event_id: str, news: News) -> OutgoingEvent:
    """Return the event of a change that others made."""
    change = news.change
    data: dict[str, Any] = {"record": str(news.record), "by": "others"}
    if news.deal:
        data["deal"] = str(news.deal)
    else:
        data |= {
            "property_name": change.property_name,
            "before": change.before,
            "after": change.after,
        }
    kind = f"{change.property_name}.changed"
    if news.kind in {NewsKind.DEAL_WON, NewsKind.CUSTOMER_DEAL}:
        kind = news.kind.value
    return OutgoingEvent(
        event_id=event_id,
        record=news.record,
        document=_document(kind, change.at.isoformat(), portal_id, data),
    )


def _document(kind: str, timestamp: str, portal_id: str, data: dict[str, Any]) -> str:
    return orjson.dumps(
        {"type": kind, "timestamp": timestamp, "data": {"portal_id": portal_id, **data}}
    ).decode()
