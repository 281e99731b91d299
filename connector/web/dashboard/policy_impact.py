"""Say what a changed policy file would change: nothing of it is stored or written."""

from __future__ import annotations

from typing import Final

from connector.config.open_run import load_policy_text
from connector.core.model import STAGE
from connector.errors import UserError
from connector.operations.compare_policies import Change, Comparison, compare_on_mirror
from connector.reports.offline import OfflineHubSpot, OfflineInputs
from connector.web.dashboard.form_body import Upload
from connector.web.dashboard.pages import Page
from connector.web.dashboard.source import DashboardSource

MAX_UPLOAD_BYTES: Final = 512 * 1024
RECORDS_OF_EACH_TYPE: Final = 20_000
"""So many contacts and companies are looked at, so that a page is made within seconds."""


def impact_page(source: DashboardSource, upload: Upload) -> Page:
    """Return what would change if the file were the policy, or its mistakes line by line."""
    try:
        comparison = _compare(source, upload)
    except UserError as error:
        return {"name": upload.name, "problems": str(error).splitlines(), "comparison": None}
    return {
        "name": upload.name,
        "problems": [],
        "comparison": comparison,
        "looked_at": dict(comparison.looked_at),
        "limit": RECORDS_OF_EACH_TYPE,
        "rules": _by_rule(comparison),
        "examples": [_example(change) for change in comparison.examples],
    }


def _compare(source: DashboardSource, upload: Upload) -> Comparison:
    """Compare the file with the policy in force; UserError says what is wrong with it."""
    try:
        text = upload.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{upload.name} is not a text file in UTF-8.") from None
    if not text.strip():
        raise UserError("Choose a policy file first: this one is empty.")
    new = source.with_own_settings(load_policy_text(text, source=upload.name))
    inputs = OfflineInputs(store=source.store, portal=source.portal, api=OfflineHubSpot(source.now))
    return compare_on_mirror(inputs, new, source.policy.policy, limit=RECORDS_OF_EACH_TYPE)


def _by_rule(comparison: Comparison) -> list[tuple[str, str, int, int]]:
    """Return rule, direction, corrections with the file, and corrections with today's policy."""
    return [
        (*key, comparison.added[key], comparison.dropped[key])
        for key in sorted({*comparison.added, *comparison.dropped})
    ]


def _example(change: Change) -> Page:
    correction = change.new or change.old
    reason = f"{correction.rule}: {correction.reason}" if correction else ""
    return {
        "record": str(change.record),
        "property": "stage" if change.property_name == STAGE else change.property_name,
        "current": change.current,
        "today": change.old.after if change.old else change.current,
        "then": change.new.after if change.new else change.current,
        "why": reason if change.new else f"no longer {reason}",
    }
