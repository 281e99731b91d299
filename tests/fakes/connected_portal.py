"""A portal in memory, a store on disk, and a desk between them: what the use cases work with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from connector.config.presets import policy_text
from connector.context import RunContext
from connector.core.binding.bind import bind
from connector.core.corrections.audit import AuditLine
from connector.core.corrections.moves import Move
from connector.core.lint.default_portal import default_portal, definition
from connector.core.model import (
    STAGE,
    STATUS,
    Association,
    Correction,
    ObjectType,
    Portal,
    PropertyDefinition,
    Ref,
)
from connector.core.policy.load import load_policy
from connector.hubspot.api import Page, UpdateAnswer
from connector.hubspot.http.failures import BatchRefused
from connector.plan.propose import propose
from connector.pull.poll import pull
from state import audit, mirror, outbox, plans
from state.db.store import Store
from state.plans import PlanHead
from tests.fakes.portal import FakeHubSpot

CONTACTS, COMPANIES, DEALS = ObjectType.CONTACTS, ObjectType.COMPANIES, ObjectType.DEALS
START = datetime(2026, 3, 12, 12, tzinfo=UTC)
OPEN, WON, LOST = "contractsent", "closedwon", "closedlost"
SQL, MQL = "salesqualifiedlead", "marketingqualifiedlead"
DAY = 86_400.0

SCORE = definition("score", "number")
CONTRACT_END = definition("contract_end", "date")


def example_portal(**changes: object) -> Portal:
    """Return a portal with a score of its own on contacts, and a date on companies."""
    extra_properties = {
        CONTACTS: [SCORE],
        COMPANIES: [CONTRACT_END],
        DEALS: list[PropertyDefinition](),
    }
    return default_portal(extra_properties=extra_properties, **changes)  # type: ignore[arg-type]  # a test names its own


@dataclass(slots=True)
class HookedHubSpot(FakeHubSpot):
    """A portal in which somebody else acts before or after a request of ours.

    `acts` holds who acts, by method, number of the request, and `before` or `after`;
    `sent` is every batch of changes that arrived, `hidden` what searches do not show yet,
    `forbidden` what a batch is refused for, `unnamed` what each answer passes over,
    `deaf` which changes are answered well and not stored, `retold` how answers are bent.
    """

    hooks: dict[tuple[str, int, str], Callable[[], None]] = field(default_factory=dict)
    sent_updates: list[dict[Ref, dict[str, str]]] = field(default_factory=list)
    read_calls: list[tuple[str, tuple[Ref, ...], tuple[str, ...]]] = field(default_factory=list)
    hidden_from_search: set[Ref] = field(default_factory=set)
    unanswered_per_update: list[frozenset[Ref]] = field(default_factory=list)
    forbidden_values: set[tuple[Ref, str, str]] = field(default_factory=set)
    ignores_write: Callable[[Ref, str, str], bool] = lambda _ref, _name, _value: False
    change_answer: Callable[[UpdateAnswer], UpdateAnswer] = lambda answer: answer

    def before(self, method: str, number: int, hook: Callable[[], None]) -> None:
        """Let somebody act just before the n-th request of a method."""
        self.hooks[method, number, "before"] = hook

    def after(self, method: str, number: int, hook: Callable[[], None]) -> None:
        """Let somebody act just after the n-th request of a method."""
        self.hooks[method, number, "after"] = hook

    def dissociate(self, first: Ref, second: Ref) -> None:
        """Take the link between two records out."""
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
        return Page(records=shown_records, total=(page.total or 0) - hidden_count)

    def list_page(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        after: str | None = None,
        archived: bool = False,
    ) -> Page:
        self._run_hook("page", "before")
        return FakeHubSpot.list_page(self, object_type, properties, after=after, archived=archived)

    def associations(
        self, refs: Sequence[Ref], to: ObjectType
    ) -> dict[Ref, tuple[Association, ...]]:
        self._run_hook("associations", "before")
        self.read_calls.append(("associations", tuple(refs), (str(to),)))
        return FakeHubSpot.associations(self, refs, to)

    def read(self, refs, properties, *, history=()):  # type: ignore[no-untyped-def]  # as the door's
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
        if values_sent & self.forbidden_values:
            self.requests["update"] += 1
            raise BatchRefused("HubSpot refused the batch (INVALID_OPTION)", category="BAD")

    def _run_hook(self, method: str, when: str) -> None:
        number = self.requests[method] + (when == "before")
        hook = self.hooks.pop((method, number, when), None)
        if hook:
            hook()


@dataclass
class ConnectedPortal:
    """One portal, one store, and as many runs as a test needs."""

    api: HookedHubSpot
    store: Store
    waits: list[float] = field(default_factory=list)
    record_ids: count[int] = field(default_factory=lambda: count(98))
    run_numbers: count[int] = field(default_factory=lambda: count(1))

    def context(self, policy: str = "extends: standard", **options: object) -> RunContext:
        """Lay out the desk for a new run."""
        current_portal = self.api.portal_info
        loaded_policy = load_policy(policy, source="test.yaml", preset_text=policy_text)
        # Time stands still here: without this, no reading would ever be too old to rely on.
        options = {"max_read_age": timedelta(seconds=-1), **options}
        return RunContext(
            run=f"run-{next(self.run_numbers)}",
            api=self.api,
            store=self.store,
            portal=current_portal,
            policy=bind(loaded_policy, current_portal),
            wait=self.wait,
            **options,  # type: ignore[arg-type]  # a test names its own
        )

    def propose(self, context: RunContext | None = None) -> PlanHead:
        """Make a plan, as often as a test likes."""
        return propose(context or self.context(), number=next(self.run_numbers))

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.api.advance(seconds)

    # What stands in the portal

    def contact(self, stage: str = "", status: str = "", **properties: str) -> Ref:
        return self._create(CONTACTS, {STAGE: stage, STATUS: status, **properties})

    def company(self, stage: str = "", **properties: str) -> Ref:
        return self._create(COMPANIES, {STAGE: stage, **properties})

    def deal(self, stage: str, *records: Ref, primary: bool = True, **properties: str) -> Ref:
        """Create a deal, linked with these records; its first company is the primary one."""
        ref = self._create(DEALS, {"dealstage": stage, "pipeline": "default", **properties})
        for record in records:
            self.link(ref, record, primary=primary and record.object_type is COMPANIES)
        return ref

    def _create(self, kind: ObjectType, properties: Mapping[str, str]) -> Ref:
        ref = Ref(kind, str(next(self.record_ids)))
        non_blank = {name: value for name, value in properties.items() if value}
        self.api.put(ref, non_blank, source_type="IMPORT", source_id="1")
        return ref

    def link(self, deal: Ref, record: Ref, *labels: str, primary: bool = False) -> None:
        self.api.associate(deal, record, is_primary=primary, labels=labels)

    def edit(
        self, ref: Ref, *, source_type: str = "AUTOMATION_PLATFORM", **properties: str
    ) -> None:
        """Let a workflow, or whom `by` names, edit a record."""
        self.api.put(ref, properties, source_type=source_type, source_id="71830")

    def edit_as_person(self, ref: Ref, **properties: str) -> None:
        """Let a person edit a record in HubSpot's screens."""
        self.edit(ref, source_type="CRM_UI", **properties)

    def edit_as_workflow(self, ref: Ref, **properties: str) -> None:
        """Let a workflow of the portal write."""
        self.api.put(ref, properties, source_type="AUTOMATION_PLATFORM", source_id="flow:7")

    def stage(self, ref: Ref) -> str:
        return self.api.value(ref, STAGE)

    def status(self, ref: Ref) -> str:
        return self.api.value(ref, STATUS)

    def read_all(self) -> None:
        """Pull everything, an hour after it was last touched; nothing is due any more."""
        self.api.advance(3600)
        pull(self.context())
        self.clear_due()
        self.take_requests()

    def clear_due(self) -> None:
        with self.store.begin("1") as session:
            for kind in (CONTACTS, COMPANIES):
                mirror.set_due(session, dict.fromkeys(self.due(kind)))

    def make_due(self, refs: Sequence[Ref]) -> None:
        """Make records due now."""
        with self.store.begin("1") as session:
            mirror.mark_due(session, refs, at=self.api.now())

    # What the store remembers

    def due(self, kind: ObjectType = CONTACTS) -> tuple[Ref, ...]:
        with self.store.reading("1") as session:
            return mirror.due_refs(session, kind, until=self.api.now(), limit=100_000)

    def mirrored(self, ref: Ref) -> dict[str, str | None] | None:
        with self.store.reading("1") as session:
            record = mirror.get(session, [ref]).get(ref)
        return dict(record.properties) if record and not record.archived else None

    def audit_lines(self) -> list[AuditLine]:
        with self.store.reading("1") as session:
            return list(audit.read(session))

    def outcomes(self) -> list[tuple[str, str, str]]:
        """Return record, new value and outcome of every audit line."""
        return [(str(line.record), line.after, str(line.outcome)) for line in self.audit_lines()]

    def open_moves(self) -> tuple[Move, ...]:
        with self.store.reading("1") as session:
            return outbox.open_moves(session)

    def corrections(self, plan: PlanHead) -> list[Correction]:
        with self.store.reading("1") as session:
            rows = plans.read_corrections(session, plan.plan_id)
        return [correction for _, corrections_of_move in rows for correction in corrections_of_move]

    def changes(self, plan: PlanHead) -> list[tuple[str, str, str, str]]:
        """Return record, value before, value after and rule of every correction."""
        return [
            (str(correction.record), correction.before, correction.after, correction.rule)
            for correction in self.corrections(plan)
        ]

    def take_requests(self) -> Counter[str]:
        """Return what was asked since the last time, by method."""
        counts = Counter(self.api.requests)
        self.api.requests.clear()
        return counts
