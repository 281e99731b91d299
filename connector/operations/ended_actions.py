"""Log each action of a person that ended, with the head of their chain."""

from __future__ import annotations

import structlog

from connector.context import DecisionContext
from connector.core.corrections.operator_action import OperatorAction
from state import operator_actions

_log = structlog.get_logger()


def log_ended(context: DecisionContext, action: OperatorAction) -> None:
    """Log that an action ended; a log kept apart proves that the newest actions are still there."""
    with context.reading() as session:
        stored = operator_actions.head(session)
    _log.info(
        "action.ended",
        user=action.user,
        verb=str(action.verb),
        action_rows=stored.rows,
        action_head=stored.last_hash,
    )
