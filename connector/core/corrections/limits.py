"""Define the limits: how much may be corrected within an hour or a day, all plans together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import Final

from connector.core.model import ObjectType
from connector.core.policy.load import Policy

CANARY_THRESHOLD: Final = 250
"""Plans with more records than this send a few first."""
_MIN_ENDED: Final = 10
"""The number of finished corrections from which their failures are judged."""
_MIN_FAILED: Final = 5
"""The number of failures below which a run is never stopped."""


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
    contacts_per_company: int = 100

    @classmethod
    def from_policy(cls, policy: Policy) -> Limits:
        """Return the limits of a policy."""
        return cls(
            always=policy.number("limits.always"),
            day_share=policy.number("limits.day_share"),
            day_backward_share=policy.number("limits.day_backward_share"),
            canary=round(policy.number("limits.canary")),
            hour_share=policy.number("limits.hour_share"),
            hour_backward_share=policy.number("limits.hour_backward_share"),
            contacts_per_company=round(policy.number("limits.company")),
        )

    def shares(self, hours: int) -> tuple[float, float]:
        """Return the share that may be corrected within so many hours, and that may go back."""
        if hours == HOUR:
            return self.hour_share, self.hour_backward_share
        return self.day_share, self.day_backward_share


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentCount:
    """The records of one type: planned, sent within `hours`, and mirrored in all."""

    object_type: ObjectType
    planned: int
    planned_backward: int
    sent: int
    sent_backward: int
    mirrored: int
    hours: int = DAY


def limit_excess(limits: Limits, recent: RecentCount) -> str | None:
    """Return the figures by which a plan exceeds a limit, None where it does not.

    >>> limits = Limits(always=100, day_share=0.2, day_backward_share=0.05, canary=25)
    >>> load = RecentCount(object_type=ObjectType.CONTACTS, planned=400, planned_backward=0, sent=0,
    ...             sent_backward=0, mirrored=1000)
    >>> limit_excess(limits, load)
    '400 of 1,000 contacts, where 200 may be corrected within 24 hours'
    """
    share, backward_share = limits.shares(recent.hours)
    maximum = max(limits.always, share * recent.mirrored)
    if recent.planned and recent.sent + recent.planned > maximum:
        return _describe_excess(recent, recent.planned, recent.sent, maximum, "corrected")
    maximum = max(limits.always, backward_share * recent.mirrored)
    if recent.planned_backward and recent.sent_backward + recent.planned_backward > maximum:
        return _describe_excess(
            recent, recent.planned_backward, recent.sent_backward, maximum, "moved backward"
        )
    return None


def _describe_excess(
    recent: RecentCount, planned: int, sent: int, maximum: float, action: str
) -> str:
    already_sent = f" ({sent:,} were already)" if sent else ""
    window = "an hour" if recent.hours == HOUR else f"{recent.hours} hours"
    return (
        f"{planned:,} of {recent.mirrored:,} {recent.object_type}, where {floor(maximum):,} "
        f"may be {action} "
        f"within {window}{already_sent}"
    )


def companies_over_limit(
    limits: Limits, planned: Mapping[str, int], sent: Mapping[str, int]
) -> list[str]:
    """Return the companies with more contacts corrected within a day than the limit allows.

    >>> limits = Limits(always=100, day_share=0.2, day_backward_share=0.05, canary=25,
    ...                 contacts_per_company=50)
    >>> companies_over_limit(limits, {"companies/45": 40}, {"companies/45": 11})
    ['40 contacts of companies/45, where 50 may be corrected within 24 hours (11 were already)']
    """
    return [
        f"{count:,} contacts of {company}, where {limits.contacts_per_company:,} may be "
        "corrected within "
        f"{DAY} hours" + (f" ({sent[company]:,} were already)" if sent.get(company) else "")
        for company, count in planned.items()
        if count + sent.get(company, 0) > limits.contacts_per_company
    ]


def is_failing(finished: int, failed: int) -> bool:
    """Return whether so many did not hold that the rest must not be sent: more than a fifth.

    Fewer than five failures never stop a run: single records that HubSpot refuses are set aside.

    >>> is_failing(25, 5), is_failing(25, 6), is_failing(10, 4), is_failing(10, 5)
    (False, True, False, True)
    """
    return finished >= _MIN_ENDED and failed >= _MIN_FAILED and failed * 5 > finished
