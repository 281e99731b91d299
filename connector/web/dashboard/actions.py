"""Do what a form asks for, by the use cases of the commands; each returns the page to show next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from connector.core.model import Ref
from connector.errors import UserError
from connector.operations.operator_requests import (
    hold_record,
    release_record,
    request_undo,
    set_review_only,
)
from connector.operations.review_plan import PlanPart, approve, reject
from connector.operations.undo import Selection
from connector.web.dashboard.pages import parse_ref
from connector.web.dashboard.source import DashboardSource

Form = Mapping[str, str]
"""The fields of a form that was sent; what it lacks is read as ""."""


def _review(source: DashboardSource, user: str, form: Form) -> str:
    """Approve or reject a part of the plan."""
    part = plan_part(form)
    match form.get("verdict"):
        case "approve":
            approve(source.context(), part, user)
        case "reject":
            reject(source.context(), part, user)
        case _:
            raise UserError("Say whether to approve or to reject: open the page Corrections anew.")
    return "/corrections"


def _hold(source: DashboardSource, user: str, form: Form) -> str:
    record = parse_ref(form.get("record", ""))
    hold_record(source.context(), record, user=user, reason=form.get("reason", ""))
    return record_path(record)


def _release(source: DashboardSource, user: str, form: Form) -> str:
    record = parse_ref(form.get("record", ""))
    release_record(source.context(), record, user=user)
    return record_path(record)


def _undo(source: DashboardSource, user: str, form: Form) -> str:
    selection = undo_selection(form)
    confirmed_at = _confirmed_at(form)
    request_undo(source.context(), selection, user=user, confirmed_at=confirmed_at)
    return record_path(selection.record) if selection.record else "/runs"


def _confirmed_at(form: Form) -> datetime:
    """Return when the page that asks for a confirmation was made."""
    try:
        return datetime.fromisoformat(form.get("confirmed_at", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(
            "Open the page Undo anew: this form does not say when you looked."
        ) from None


def _switch(source: DashboardSource, user: str, form: Form) -> str:
    """Let the daemon only review, or follow its settings again."""
    if source.writes != "apply":
        raise UserError(
            "CONNECTOR_WRITES is review, and the dashboard can only be stricter: set it to apply "
            "where the daemon runs. Nothing was done."
        )
    set_review_only(source.context(), review_only=form.get("writes") == "review", user=user)
    return "/"


def plan_part(form: Form) -> PlanPart:
    """Return the part of a plan that a form or an address names."""
    record = form.get("record", "")
    return PlanPart(
        digest=form.get("digest", ""),
        rule=form.get("rule", ""),
        record=parse_ref(record) if record else None,
    )


def undo_selection(form: Form) -> Selection:
    """Return the run or record that a form or an address names; UserError without either."""
    run, record = form.get("run", ""), form.get("record", "")
    if bool(run) == bool(record):
        raise UserError("Name a run or a record to undo: open it from Runs or from its page.")
    return Selection(run=run or None, record=parse_ref(record) if record else None)


def record_path(record: Ref) -> str:
    """Return the address of a record's page."""
    return f"/records/{quote(str(record))}"


ACTIONS: Final[Mapping[str, Callable[[DashboardSource, str, Form], str]]] = {
    "/review": _review,
    "/hold": _hold,
    "/release": _release,
    "/undo": _undo,
    "/writes": _switch,
}
"""What each form's address does, with the user and the form; only operators may send them."""
