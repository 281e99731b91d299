"""The tasks of a portal in memory, and the failures of its requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connector.core.follow_up.tasks import Task
from connector.errors import ConnectorError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    error: ConnectorError
    after: bool


@dataclass(slots=True, kw_only=True)
class FakeTasks:
    """Counts requests by the name of the method, fails those it is told to, and keeps tasks.

    A task in `unseen` is not found by a search, as HubSpot's index may lag.
    """

    requests: Counter[str] = field(default_factory=Counter)
    tasks: dict[str, Task] = field(default_factory=dict)
    not_indexed: set[str] = field(default_factory=set)
    _failures: dict[str, list[_Failure]] = field(default_factory=dict)

    def fail(self, method: str, error: ConnectorError, *, after: bool = False) -> None:
        """Let the next request of a method fail; a write also `after` it took effect."""
        self._failures.setdefault(method, []).append(_Failure(error=error, after=after))

    def create_task(self, task: Task) -> str:
        """Create a task, as often as somebody asks for it."""
        late_failure = self._start_request("create_task")
        task_id = str(60_000_000_001 + len(self.tasks))
        self.tasks[task_id] = task
        if late_failure:
            raise late_failure
        return task_id

    def find_task(self, subject: str) -> str | None:
        """Search the task with a subject."""
        self._start_request("find_task")
        matches = (key for key, task in self.tasks.items() if task.subject == subject)
        return next((key for key in matches if key not in self.not_indexed), None)

    def _start_request(self, method: str) -> ConnectorError | None:
        """Count a request; raise the failure that comes first, return one that comes after."""
        self.requests[method] += 1
        failures = self._failures.get(method)
        failure = failures.pop(0) if failures else None
        if failure and not failure.after:
            raise failure.error
        return failure.error if failure else None
