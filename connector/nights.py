"""Pause where the day's share of requests is used up, and go on after the portal's midnight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import structlog

from connector.desk import Desk
from connector.hubspot.faults import DAILY, LimitReached

Result = TypeVar("Result")
_A_LITTLE_LATER: Final = 5.0  # seconds: HubSpot's midnight and ours may differ by as much
_log = structlog.get_logger()


def through_the_night(desk: Desk, work: Callable[[Desk], Result]) -> Result:
    """Do the work, as often as the day's share ends in the middle of it.

    Each time is a run of its own, so that a plan and its moves keep their names.
    """
    number = 1
    while True:
        try:
            return work(desk if number == 1 else replace(desk, run=f"{desk.run}-{number}"))
        except LimitReached as limit:
            if limit.policy_name != DAILY or limit.retry_after is None:
                raise
            _log.warning(
                "budget.paused",
                portal=desk.portal_id,
                seconds=round(limit.retry_after),
                message=str(limit),
            )
            desk.wait(limit.retry_after + _A_LITTLE_LATER)
            number += 1
