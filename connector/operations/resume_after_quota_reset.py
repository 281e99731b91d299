"""Wait where the day's share of requests is used up, and continue after the quota's reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import structlog

from connector.context import RunContext
from connector.hubspot.http.failures import DAILY, LimitReached

Result = TypeVar("Result")
_RESET_MARGIN: Final = 5.0  # seconds: HubSpot's midnight and ours may differ by as much
_log = structlog.get_logger()


def resume_after_quota_reset(context: RunContext, work: Callable[[RunContext], Result]) -> Result:
    """Do the work, and again after each reset of the daily quota that interrupted it.

    Each repetition is a run of its own, so that plans and moves keep unique names.
    """
    number = 1
    while True:
        try:
            return work(context if number == 1 else replace(context, run=f"{context.run}-{number}"))
        except LimitReached as error:
            if error.policy_name != DAILY or error.retry_after is None:
                raise
            _log.warning(
                "budget.paused",
                portal=context.portal_id,
                seconds=round(error.retry_after),
                message=str(error),
            )
            context.wait(error.retry_after + _RESET_MARGIN)
            number += 1
