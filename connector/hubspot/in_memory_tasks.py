"""The tasks of a portal in memory, and the failures of its requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connector.core.tasks import Task
from connector.errors import ConnectorError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    error: ConnectorError
    after: bool


@dataclass(slots=True, kw_only=True)
class MemoryTasks:
    """Counts requests by the name of the method, fails those it is told to, and keeps tasks.

    A task in `unseen` is not found by a search, as HubSpot's index may lag.
    """

    requests: Counter[str] = field(default_factory=Counter)
    tasks: dict[str, Task] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    _failures: dict[str, list[_Failure]] = field(default_factory=dict)

    def fail(self, method: str, error: ConnectorError, *, after: bool = False) -> None:
        """Let the next request of a method fail; a write also `after` it took effect."""
        self._failures.setdefault(method, []).append(_Failure(error=error, after=after))

    def create_task(self, task: Task) -> str:
        """Create a task, as often as somebody asks for it."""
        late = self._begin("create_task")
        made = str(60_000_000_001 + len(self.tasks))
        self.tasks[made] = task
        if late:
            raise late
        return made

    def find_task(self, subject: str) -> str | None:
        """Search the task with a subject."""
        self._begin("find_task")
        fitting = (key for key, one in self.tasks.items() if one.subject == subject)
        return next((key for key in fitting if key not in self.unseen), None)

    def _begin(self, method: str) -> ConnectorError | None:
        """Count a request; raise the failure that comes first, return one that comes after."""
        self.requests[method] += 1
        waiting = self._failures.get(method)
        failure = waiting.pop(0) if waiting else None
        if failure and not failure.after:
            raise failure.error
        return failure.error if failure else None
