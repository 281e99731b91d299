"""Define the result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connector.errors import ConnectorError
from connector.hubspot.http.failures import RequestsUsedUp


class CheckResult(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check, with what to do where it is not ok; `section` groups them."""

    name: str
    result: CheckResult
    message: str
    section: str = "portal"


def unchecked(name: str, error: ConnectorError, section: str = "portal") -> Finding:
    """Return the finding of something that could not be checked now, and why."""
    is_used_up = isinstance(error, RequestsUsedUp)
    message = f"unknown: {error}" if is_used_up else f"could not be checked: {error}"
    return Finding(name=name, result=CheckResult.WARNING, message=message, section=section)
