"""Refuse a run, a rule or a record that this portal has never had."""

from __future__ import annotations

import difflib

from connector.config import presets
from connector.core.model import Ref
from connector.errors import UserError
from state import audit, mirror, runs
from state.db.transaction import Transaction


def require_run(session: Transaction, run: str) -> None:
    """Raise UserError where no run of this portal has that id."""
    if runs.get(session, run) is None and not _has_lines(session, run=run):
        latest = runs.latest(session)
        hint = f"the newest is {latest.run}" if latest else "there was none yet"
        raise UserError(
            f"There is no run {run!r} in this database: {hint}. `connector audit` shows the runs "
            "that wrote."
        )


def require_rule(session: Transaction, rule: str) -> None:
    """Raise UserError where the rule never wrote here and is in no shipped policy."""
    if _has_lines(session, rule=rule):
        return
    policies = [presets.load_preset(name) for name in presets.names()]
    names = {rule.name for policy in policies for rule in policy.rules}
    names |= {row.name for policy in policies for row in policy.rows}
    if rule not in names:
        matches = difflib.get_close_matches(rule, names, n=1)
        hint = f" (did you mean {matches[0]}?)" if matches else ""
        raise UserError(f"No write of this portal was made by a rule {rule!r}{hint}.")


def require_record(session: Transaction, ref: Ref) -> None:
    """Raise UserError where the record is neither mirrored nor in the audit."""
    if ref not in mirror.get(session, [ref]) and not _has_lines(session, record=ref):
        raise UserError(
            f"{ref} is not in this database: check the id, or run `connector pull` first."
        )


def _has_lines(
    session: Transaction,
    *,
    run: str | None = None,
    rule: str | None = None,
    record: Ref | None = None,
) -> bool:
    return any(audit.read(session, limit=1, run=run, rule=rule, record=record))
