"""Every way in which HubSpot fails a request, and which answer means which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from connector.core.model import Ref
from connector.errors import ConnectorError, PermanentError, TemporaryError, UserError
from connector.hubspot.http.error_body import parse_error_body
from connector.hubspot.http.quota_reset import until_midnight
from connector.hubspot.http.response import Answer, http_date
from connector.hubspot.http.routes import Request, Route


class TokenRefused(UserError):
    """HubSpot does not know the token, or no longer."""

    def __init__(self, message: str, *, correlation_id: str = "") -> None:
        super().__init__(message)
        self.correlation_id = correlation_id


class ScopeMissing(UserError):
    """The token lacks a scope; `scopes` are those that HubSpot names, any of which may do."""

    def __init__(
        self, message: str, *, scopes: tuple[str, ...] = (), correlation_id: str = ""
    ) -> None:
        super().__init__(message)
        self.scopes = scopes
        self.correlation_id = correlation_id


class WrongAddress(UserError):
    """What answers is not HubSpot's API, or not in this family."""


class ClocksDisagree(UserError):
    """HubSpot's answers are dated more than a day away from the machine's clock."""

    def __init__(self, *, portal_time: datetime, machine_time: datetime) -> None:
        super().__init__(
            f"HubSpot's answers are dated {portal_time:%Y-%m-%d %H:%M} UTC, and this machine's "
            f"clock says {machine_time:%Y-%m-%d %H:%M} UTC: one of them is wrong. Nothing is read "
            "or written until they agree; `connector check` says which looks wrong."
        )
        self.portal_time = portal_time
        self.machine_time = machine_time


class RequestsUsedUp(UserError):
    """The command has sent as many requests as it may; nothing more is sent, nor tried again."""


class Unavailable(TemporaryError):
    """HubSpot failed, or the network did, while a request was under way."""


class NotSent(Unavailable):
    """The request certainly never reached HubSpot: no connection came about."""


class NotTheApi(NotSent):
    """A page of HTML or a redirect came in place of HubSpot's answer: nothing was executed.

    The edge before HubSpot refuses good requests now and then, for a moment. Where it stays,
    HUBSPOT_API_URL or HUBSPOT_API_VERSION is wrong, or a proxy stands between.
    """


class BadAnswer(TemporaryError):
    """The answer is HTML, empty, cut off, or not what this request is answered with."""


class ServerFailed(Unavailable):
    """HubSpot answered, with an error of its own (500 and above, 408)."""


class IncompleteWindow(BadAnswer):
    """A search shows fewer rows than it counts: what it showed is right, and not all."""


class RecordsUnreadable(BadAnswer):
    """HubSpot does not serve some records, or answers so that they cannot be read."""

    def __init__(self, unreadable: Mapping[Ref, str]) -> None:
        examples = "; ".join(f"{ref}: {reason}" for ref, reason in list(unreadable.items())[:3])
        super().__init__(
            f"{len(unreadable)} records cannot be read ({examples}): they are left alone and tried "
            "again by themselves; look at them with `connector quarantine list`"
        )
        self.unreadable = dict(unreadable)


class OutcomeUnknown(TemporaryError):
    """A write may or may not have taken effect: read back before sending it again."""


class LimitReached(TemporaryError):
    """A request limit is used up; `policy_name` is HubSpot's name for it."""

    def __init__(
        self,
        message: str,
        *,
        policy_name: str = "",
        retry_after: float | None = None,
        correlation_id: str = "",
    ) -> None:
        super().__init__(message, retry_after=retry_after, correlation_id=correlation_id)
        self.policy_name = policy_name


class Locked(TemporaryError):
    """HubSpot holds the records locked for a moment after many changes at once (423)."""


class Migrating(TemporaryError):
    """HubSpot moves the account to another data centre and takes no requests (477)."""


class RequestRefused(PermanentError):
    """HubSpot understood the request and will not do it, however often it is sent."""

    def __init__(
        self,
        message: str,
        *,
        category: str = "",
        correlation_id: str = "",
        property_names: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, correlation_id=correlation_id)
        self.category = category
        self.property_names = property_names


class BatchRefused(RequestRefused):
    """HubSpot refused a whole batch and wrote nothing of it."""


class RecordMissing(RequestRefused):
    """The record, or the address, does not exist."""


REFUSALS: Final = (TokenRefused, ScopeMissing, WrongAddress)
"""What the operator must change, or what passes by itself: a single one is never believed."""
DAILY: Final = "DAILY"
MIN_WAIT: Final[Mapping[str, float]] = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}
"""Seconds by `policyName`; HubSpot names no wait with a 429."""
LOCK_SECONDS: Final = 2.0
"""Seconds that a lock lasts (HubSpot's page on error handling, 423)."""


def failure_of(
    answer: Answer, request: Request, *, time_zone: str = "UTC"
) -> ConnectorError | None:
    """Return the error that an answer means, `None` for a success.

    `time_zone` is the portal's: at its midnight the daily limit begins anew.
    """
    status = answer.status
    if 200 <= status < 300:
        return None
    if status == 429:
        return _limit_error(answer, request, time_zone)
    if status >= 500 or status == 408:
        return ServerFailed(
            f"HubSpot failed at the {request.route} request ({_status_text(answer)}): try later",
            retry_after=_retry_after(answer),
            correlation_id=answer.correlation_id(),
        )
    make_error = _ERRORS_BY_STATUS.get(status)
    if make_error:
        return make_error(answer, request)
    return _page_error(answer, request) if status < 400 else _refused_error(answer, request)


def _limit_error(answer: Answer, request: Request, time_zone: str) -> ConnectorError:
    policy = parse_error_body(answer).policy_name
    wait = _retry_after(answer)
    min_wait = MIN_WAIT.get(policy, MIN_WAIT["TEN_SECONDLY_ROLLING"])
    if policy == DAILY:
        min_wait = _seconds_to_midnight(answer, time_zone)
    return LimitReached(
        f"HubSpot's limit {policy or 'of requests'} is reached at the {request.route} request: "
        f"it goes on in {max(min_wait, wait or 0):.0f} seconds",
        policy_name=policy,
        retry_after=max(min_wait, wait or 0),
        correlation_id=answer.correlation_id(),
    )


def _locked_error(answer: Answer, request: Request) -> ConnectorError:
    return Locked(
        f"HubSpot holds the records of the {request.route} request locked: try again in a moment",
        retry_after=max(LOCK_SECONDS, _retry_after(answer) or 0),
        correlation_id=answer.correlation_id(),
    )


def _migrating_error(answer: Answer, _: Request) -> ConnectorError:
    return Migrating(
        "HubSpot is moving the account to another data centre and takes no requests until it is "
        "done: nothing to do but wait",
        retry_after=_retry_after(answer),
        correlation_id=answer.correlation_id(),
    )


def _token_error(answer: Answer, request: Request) -> ConnectorError:
    return TokenRefused(
        f"HubSpot does not accept the token (401 at the {request.route} request): create a new one "
        "in the private app or service key, and set HUBSPOT_ACCESS_TOKEN",
        correlation_id=answer.correlation_id(),
    )


def _scope_error(answer: Answer, request: Request) -> ConnectorError:
    if not answer.is_json():
        return _page_error(answer, request)
    scopes = parse_error_body(answer).scopes
    missing_scopes = " or ".join(map(_app_scope_name, scopes)) or "the missing scope"
    return ScopeMissing(
        f"the token may not do the {request.route} request on {request.path} (403): add "
        f"{missing_scopes} "
        "to the app or service key, then run `connector check`",
        scopes=scopes,
        correlation_id=answer.correlation_id(),
    )


def _app_scope_name(scope: str) -> str:
    """Return a scope by the name under which apps offer it; some answers say `deals-read`."""
    area, _, right = scope.rpartition("-")
    return f"crm.objects.{area}.{right}" if area and right in {"read", "write"} else scope


def _missing_error(answer: Answer, request: Request) -> ConnectorError:
    # Of one record, HubSpot says so with a page of HTML.
    is_single_read = request.route is Route.READ
    if not is_single_read and not answer.is_json():
        return _page_error(answer, request)
    if not is_single_read and parse_error_body(answer).category != "OBJECT_NOT_FOUND":
        return _address_error(answer, request)
    return RecordMissing(
        f"HubSpot does not know a record of the {request.route} request (404): it was deleted, "
        "merged, or never existed",
        category="OBJECT_NOT_FOUND",
        correlation_id=answer.correlation_id(),
    )


def _page_error(answer: Answer, request: Request) -> ConnectorError:
    return NotTheApi(
        f"a page came in place of HubSpot's answer to {request.path} ({_status_text(answer)}): try "
        "later; if it stays, check HUBSPOT_API_URL and HUBSPOT_API_VERSION, and whether a proxy "
        "stands between",
        correlation_id=answer.correlation_id(),
    )


def _address_error(answer: Answer, request: Request) -> ConnectorError:
    return WrongAddress(
        f"{request.path} is not answered by HubSpot's API ({_status_text(answer)}): check "
        "HUBSPOT_API_URL "
        "and HUBSPOT_API_VERSION, and whether a proxy stands between"
    )


def _refused_error(answer: Answer, request: Request) -> ConnectorError:
    error_type = BatchRefused if request.writes else RequestRefused
    error_body = parse_error_body(answer)
    return error_type(
        f"HubSpot refused the {request.route} request on {request.path} ({_status_text(answer)})",
        category=error_body.category,
        correlation_id=answer.correlation_id(),
        property_names=error_body.property_names,
    )


_ERRORS_BY_STATUS: Final[Mapping[int, Callable[[Answer, Request], ConnectorError]]] = {
    401: _token_error,
    403: _scope_error,
    404: _missing_error,
    423: _locked_error,
    477: _migrating_error,
}


def _status_text(answer: Answer) -> str:
    """Return the status and HubSpot's reason, without any value of a record."""
    reason = parse_error_body(answer).reason
    return f"{answer.status}: {reason}" if reason else str(answer.status)


def _retry_after(answer: Answer) -> float | None:
    """Return the server's wait in seconds; the header holds a number or a date."""
    text = answer.headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        until, date = http_date(text), answer.date()
    return max(0.0, (until - date).total_seconds()) if until and date else None


def _seconds_to_midnight(answer: Answer, time_zone: str) -> float:
    """Return the seconds to the portal's next midnight, an hour where its time is not known."""
    date = answer.date()
    if date is None:
        return 3600.0
    return until_midnight(date, time_zone).total_seconds()
