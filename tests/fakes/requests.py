"""Count the requests to a fake portal, and fail those that a test chose."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connector.errors import ConnectorError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    error: ConnectorError
    after: bool


@dataclass(slots=True, kw_only=True)
class FakeRequests:
    """Counts requests by the name of the method, and fails those that a test chose."""

    requests: Counter[str] = field(default_factory=Counter)
    _failures: dict[str, list[_Failure]] = field(default_factory=dict)

    def fail(self, method: str, error: ConnectorError, *, after: bool = False) -> None:
        """Let the next request of a method fail; a write also `after` it took effect."""
        self._failures.setdefault(method, []).append(_Failure(error=error, after=after))

    def _start_request(self, method: str) -> ConnectorError | None:
        """Count a request; raise the failure that comes first, return one that comes after."""
        self.requests[method] += 1
        failures = self._failures.get(method)
        failure = failures.pop(0) if failures else None
        if failure and not failure.after:
            raise failure.error
        return failure.error if failure else None
