"""The tasks of a fake portal."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.core.follow_up.tasks import Task
from tests.fakes.requests import FakeRequests


@dataclass(slots=True, kw_only=True)
class FakeTasks(FakeRequests):
    """Keeps tasks; one in `not_indexed` is not found by a search, as HubSpot's index may lag."""

    tasks: dict[str, Task] = field(default_factory=dict)
    not_indexed: set[str] = field(default_factory=set)

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
