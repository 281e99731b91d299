"""Limits: how much may be corrected within an hour or a day, all plans together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import Final

from connector.core.model import ObjectType
from connector.core.policy import Policy

CANARY_OVER: Final = 250
"""Plans with more records than this send a few first."""
_ENOUGH: Final = 10
"""So many corrections must have ended before their failures say anything of the rest,"""
_FAILED: Final = 5
"""and so many of them must have failed."""


DAY: Final = 24
HOUR: Final = 1
WINDOWS: Final = (DAY, HOUR)
"""The hours that limits look back over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many records pass anyway, and which shares of the mirror beyond; `canary` go first.

    `company` is how many contacts of one company may be corrected within a day.
    """

    always: float
    day_share: float
    day_backward_share: float
    canary: int
    hour_share: float = 1.0
    hour_backward_share: float = 1.0
    company: int = 100

    @classmethod
    def of(cls, policy: Policy) -> Limits:
        """Return the limits of a policy."""
        return cls(
            always=policy.number("limits.always"),
            day_share=policy.number("limits.day_share"),
            day_backward_share=policy.number("limits.day_backward_share"),
            canary=round(policy.number("limits.canary")),
            hour_share=policy.number("limits.hour_share"),
            hour_backward_share=policy.number("limits.hour_backward_share"),
            company=round(policy.number("limits.company")),
        )

    def shares(self, hours: int) -> tuple[float, float]:
        """Return the share that may be corrected within so many hours, and that may go back."""
        if hours == HOUR:
            return self.hour_share, self.hour_backward_share
        return self.day_share, self.day_backward_share


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a plan would send of one type, what was sent within `hours`, and how many there are."""

    object_type: ObjectType
    planned: int
    planned_backward: int
    sent: int
    sent_backward: int
    mirrored: int
    hours: int = DAY


def excess(limits: Limits, load: Load) -> str | None:
    """Return in which figures a plan is over a limit, None where it is not.

    >>> limits = Limits(always=100, day_share=0.2, day_backward_share=0.05, canary=25)
    >>> load = Load(object_type=ObjectType.CONTACTS, planned=400, planned_backward=0, sent=0,
    ...             sent_backward=0, mirrored=1000)
    >>> excess(limits, load)
    '400 of 1,000 contacts, where 200 may be corrected within 24 hours'
    """
    share, backward_share = limits.shares(load.hours)
    most = max(limits.always, share * load.mirrored)
    if load.planned and load.sent + load.planned > most:
        return _figures(load, load.planned, load.sent, most, "corrected")
    most = max(limits.always, backward_share * load.mirrored)
    if load.planned_backward and load.sent_backward + load.planned_backward > most:
        return _figures(load, load.planned_backward, load.sent_backward, most, "moved backward")
    return None


def _figures(load: Load, planned: int, sent: int, most: float, what: str) -> str:
    before = f" ({sent:,} were already)" if sent else ""
    within = "an hour" if load.hours == HOUR else f"{load.hours} hours"
    return (
        f"{planned:,} of {load.mirrored:,} {load.object_type}, where {floor(most):,} may be {what} "
        f"within {within}{before}"
    )


def crowds(limits: Limits, planned: Mapping[str, int], sent: Mapping[str, int]) -> list[str]:
    """Return which companies have more contacts corrected within a day than may be.

    >>> limits = Limits(always=100, day_share=0.2, day_backward_share=0.05, canary=25, company=50)
    >>> crowds(limits, {"companies/45": 40}, {"companies/45": 11})
    ['40 contacts of companies/45, where 50 may be corrected within 24 hours (11 were already)']
    """
    return [
        f"{count:,} contacts of {company}, where {limits.company:,} may be corrected within "
        f"{DAY} hours" + (f" ({sent[company]:,} were already)" if sent.get(company) else "")
        for company, count in planned.items()
        if count + sent.get(company, 0) > limits.company
    ]


def is_failing(ended: int, failed: int) -> bool:
    """Whether so many did not hold that the rest must not be sent: more than a fifth.

    Fewer than five failures prove nothing: a record or two that HubSpot refuses are set aside.

    >>> is_failing(25, 5), is_failing(25, 6), is_failing(10, 4), is_failing(10, 5)
    (False, True, False, True)
    """
    return ended >= _ENOUGH and failed >= _FAILED and failed * 5 > ended
