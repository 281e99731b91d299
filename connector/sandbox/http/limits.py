"""HubSpot's request limits, counted by the portal's clock."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from connector.sandbox.portal import refusals

if TYPE_CHECKING:
    from connector.sandbox.portal.portal import Portal

_UNENFORCED_MAX: Final = 1_000_000  # what is said while nothing is enforced
_SECOND: Final = 1_000


class Limits:
    """The requests of the present windows and day, and what is left of the limits."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._burst: deque[int] = deque()
        self._searches: dict[str, deque[int]] = {}
        self._day = ""
        self.used_today = 0

    def count(self, route: str, token: str) -> None:
        """Count a request; refuse it where a limit is reached and enforced."""
        switches = self._portal.switches
        now = self._portal.clock.ms()
        self._start_new_day()
        if switches.enforce_limits:
            self._check_limit(route, token, now)
        self.used_today += 1
        if switches.enforce_limits:
            self._window(route, token).append(now)

    def headers(self, route: str) -> dict[str, str]:
        """Return the rate headers of an answer."""
        switches = self._portal.switches
        daily_headers: dict[str, str] = {}
        if switches.app_kind == "private":
            remaining = max(0, switches.daily_limit - self.used_today)
            daily_headers = {
                "x-hubspot-ratelimit-daily": str(switches.daily_limit),
                "x-hubspot-ratelimit-daily-remaining": str(remaining),
            }
        if route == "search":
            return daily_headers if switches.search_daily_headers else {}
        maximum = switches.burst_limit if switches.enforce_limits else _UNENFORCED_MAX
        remaining = max(0, maximum - len(self._burst))
        return daily_headers | {
            "x-hubspot-ratelimit-interval-milliseconds": "10000",
            "x-hubspot-ratelimit-max": str(maximum),
            "x-hubspot-ratelimit-remaining": str(remaining),
            "x-hubspot-ratelimit-secondly": str(maximum // 10),
            "x-hubspot-ratelimit-secondly-remaining": str(min(remaining, maximum // 10)),
        }

    def _check_limit(self, route: str, token: str, now: int) -> None:
        """Refuse a request beyond the limit of the day, of the second or of ten seconds."""
        switches = self._portal.switches
        if switches.app_kind == "private" and self.used_today >= switches.daily_limit:
            raise self._refusal("DAILY", "", 3600)
        window = self._window(route, token)
        length = _SECOND if route == "search" else 10 * _SECOND
        while window and window[0] <= now - length:
            window.popleft()
        if route == "search" and len(window) >= switches.search_limit:
            raise self._refusal("SECONDLY", "publicapi:crm:search:private_app", 1)
        if route != "search" and len(window) >= switches.burst_limit:
            raise self._refusal(
                "TEN_SECONDLY_ROLLING", "publicapi:private_app-api-calls-ten-secondly", 10
            )

    def _window(self, route: str, token: str) -> deque[int]:
        if route != "search":
            return self._burst
        scope = token if self._portal.switches.search_rate_scope == "token" else ""
        return self._searches.setdefault(scope, deque())

    def _refusal(self, policy: str, group: str, wait: float) -> refusals.RefusedError:
        group_name = f"{group}:{self._portal.portal_id}:18221010" if group else ""
        retry_after = wait if self._portal.switches.retry_after_on_429 else None
        return refusals.rate_limited(policy, group=group_name, retry_after=retry_after)

    def _start_new_day(self) -> None:
        local_time = self._portal.clock.now().astimezone(ZoneInfo(self._portal.time_zone))
        day = local_time.date().isoformat()
        if day != self._day:
            self._day, self.used_today = day, 0
