"""A fake portal, a store on disk, and run contexts: what the use cases work with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
    Correction,
    ObjectType,
    Portal,
    PropertyDefinition,
    Ref,
)
from connector.core.policy.load import Policy, load_policy
from connector.plan.propose import propose
from connector.pull.poll import pull
from state import audit, due_times, introduced_rules, mirror, outbox, plans
from state.db.store import Store
from state.plans import PlanHead
from tests.fakes.hooked_portal import HookedHubSpot
from tests.fakes.introduced import rule_names

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


@dataclass
class ConnectedPortal:
    """One portal, one store, and as many runs as a test needs."""

    api: HookedHubSpot
    store: Store
    database_url: str = ""
    waits: list[float] = field(default_factory=list)
    record_ids: count[int] = field(default_factory=lambda: count(98))
    run_numbers: count[int] = field(default_factory=lambda: count(1))

    def context(self, policy: str = "extends: standard", **options: object) -> RunContext:
        """Return the context of a new run."""
        current_portal = self.api.portal_info
        loaded_policy = load_policy(policy, source="test.yaml", preset_text=policy_text)
        # Most tests are about rules that a person has reviewed; a test of first use says otherwise.
        if not options.pop("new_rules", False):
            self.introduce(loaded_policy)
        # Time stands still here: without this, no reading would ever be too old.
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

    def introduce(self, policy: Policy) -> None:
        """Let all rules of a policy go on by themselves, as after a reviewed plan."""
        with self.store.begin(self.api.portal_info.account.portal_id) as session:
            introduced_rules.add(session, rule_names(policy), run="review", at=self.api.now())

    def propose(self, context: RunContext | None = None) -> PlanHead:
        """Make a plan."""
        return propose(context or self.context(), number=next(self.run_numbers))

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.api.advance(seconds)

    # What is in the portal

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
        """Edit a record as a workflow does, or as `source_type` says."""
        self.api.put(ref, properties, source_type=source_type, source_id="71830")

    def edit_as_person(self, ref: Ref, **properties: str) -> None:
        """Edit a record as a person does in HubSpot's screens."""
        self.edit(ref, source_type="CRM_UI", **properties)

    def clear_as_connector(self, ref: Ref) -> None:
        """Clear a stage as the connector does before a backward move."""
        self.api.put(ref, {STAGE: ""}, source_type="INTEGRATION", source_id="1")

    def edit_as_workflow(self, ref: Ref, **properties: str) -> None:
        """Edit a record as a workflow of the portal does."""
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
                due_times.set_due(session, dict.fromkeys(self.due(kind)))

    def make_due(self, refs: Sequence[Ref]) -> None:
        """Make records due now."""
        with self.store.begin("1") as session:
            due_times.mark_due(session, refs, at=self.api.now())

    # What the store holds

    def due(self, kind: ObjectType = CONTACTS) -> tuple[Ref, ...]:
        with self.store.reading("1") as session:
            return due_times.due_refs(session, kind, until=self.api.now(), limit=100_000)

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
        """Return the number of requests since the last time, by method."""
        counts = Counter(self.api.requests)
        self.api.requests.clear()
        return counts
