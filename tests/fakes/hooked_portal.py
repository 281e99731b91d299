"""A fake portal in which tests act between requests, and change or fail its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connector.core.model import ObjectType, Ref
from connector.errors import ConnectorError
from connector.hubspot.api import AssociationsResult, Page, UpdateAnswer
from connector.hubspot.http.failures import BatchRefused
from tests.fakes.portal import FakeHubSpot


@dataclass(slots=True)
class HookedHubSpot(FakeHubSpot):
    """A fake in which a test can act between requests, and change answers.

    `hooks` holds what is called, by method, number of the request, and `before` or `after`;
    `page_requests` holds type and properties of each page of a list that was asked for,
    `sent_updates` is every batch of changes that arrived, `hidden_from_search` what searches do
    not show yet, `forbidden_values` what a batch is refused for, `failing_values` with which
    error a batch always fails, `unanswered_per_update` which records each answer leaves out.
    `ignores_write` says which changes are answered as done and not stored; `change_answer`
    changes the answer of an update.
    """

    hooks: dict[tuple[str, int, str], Callable[[], None]] = field(default_factory=dict)
    sent_updates: list[dict[Ref, dict[str, str]]] = field(default_factory=list)
    read_calls: list[tuple[str, tuple[Ref, ...], tuple[str, ...]]] = field(default_factory=list)
    page_requests: list[tuple[ObjectType, tuple[str, ...]]] = field(default_factory=list)
    hidden_from_search: set[Ref] = field(default_factory=set)
    unanswered_per_update: list[frozenset[Ref]] = field(default_factory=list)
    forbidden_values: set[tuple[Ref, str, str]] = field(default_factory=set)
    failing_values: dict[tuple[Ref, str, str], ConnectorError] = field(default_factory=dict)
    ignores_write: Callable[[Ref, str, str], bool] = lambda _ref, _name, _value: False
    change_answer: Callable[[UpdateAnswer], UpdateAnswer] = lambda answer: answer

    def before(self, method: str, number: int, hook: Callable[[], None]) -> None:
        """Call a hook just before the n-th request of a method."""
        self.hooks[method, number, "before"] = hook

    def after(self, method: str, number: int, hook: Callable[[], None]) -> None:
        """Call a hook just after the n-th request of a method."""
        self.hooks[method, number, "after"] = hook

    def dissociate(self, first: Ref, second: Ref) -> None:
        """Remove the association between two records."""
        for source, target in ((first, second), (second, first)):
            del self._links[source, target.object_type][target]

    def search_changed(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after_id: str = "",
    ) -> Page:
        self._run_hook("changed", "before")
        page = FakeHubSpot.search_changed(
            self, object_type, properties, since=since, until=until, after_id=after_id
        )
        shown_records = tuple(
            record for record in page.records if record.ref not in self.hidden_from_search
        )
        hidden_count = len(page.records) - len(shown_records)
        return replace(page, records=shown_records, total=(page.total or 0) - hidden_count)

    def list_page(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        after: str | None = None,
        archived: bool = False,
    ) -> Page:
        self._run_hook("page", "before")
        self.page_requests.append((object_type, tuple(properties)))
        return FakeHubSpot.list_page(self, object_type, properties, after=after, archived=archived)

    def associations(
        self, refs: Sequence[Ref], to: ObjectType, *, rounds: int | None = None
    ) -> AssociationsResult:
        self._run_hook("associations", "before")
        self.read_calls.append(("associations", tuple(refs), (str(to),)))
        return FakeHubSpot.associations(self, refs, to)

    def read(self, refs, properties, *, history=()):  # type: ignore[no-untyped-def]  # as the fake's
        self._run_hook("read", "before")
        self.read_calls.append(("history" if history else "read", tuple(refs), tuple(properties)))
        records = FakeHubSpot.read(self, refs, properties, history=history)
        self._run_hook("read", "after")
        return records

    def update(self, changes: Mapping[Ref, Mapping[str, str]]) -> UpdateAnswer:
        self._run_hook("update", "before")
        self.sent_updates.append({ref: dict(values) for ref, values in changes.items()})
        self._refuse_forbidden(changes)
        unanswered = (
            self.unanswered_per_update.pop(0) if self.unanswered_per_update else frozenset()
        )
        stored_changes = {
            ref: {
                name: value
                for name, value in values.items()
                if not self.ignores_write(ref, name, value)
            }
            for ref, values in changes.items()
            if ref not in unanswered
        }
        if not stored_changes:
            self.requests["update"] += 1
        answer = FakeHubSpot.update(self, stored_changes)
        self._run_hook("update", "after")
        full_answer = UpdateAnswer(
            updated=answer.updated,
            refused=answer.refused,
            unanswered=frozenset(unanswered & changes.keys()),
            correlation_id=f"answer-{len(self.sent_updates)}",
        )
        return self.change_answer(full_answer)

    def _refuse_forbidden(self, changes: Mapping[Ref, Mapping[str, str]]) -> None:
        values_sent = {(ref, *item) for ref, values in changes.items() for item in values.items()}
        failures = [error for key, error in self.failing_values.items() if key in values_sent]
        if failures:
            self.requests["update"] += 1
            raise failures[0]
        if values_sent & self.forbidden_values:
            self.requests["update"] += 1
            raise BatchRefused("HubSpot refused the batch (INVALID_OPTION)", category="BAD")

    def _run_hook(self, method: str, when: str) -> None:
        number = self.requests[method] + (when == "before")
        hook = self.hooks.pop((method, number, when), None)
        if hook:
            hook()
