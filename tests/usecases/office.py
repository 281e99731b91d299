"""A portal in memory, a store on disk, and a desk between them: what the use cases work with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from connector.core.audit import AuditLine
from connector.core.binding import bind
from connector.core.default_portal import default_portal, definition
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
from connector.core.moves import Move
from connector.core.policy import load
from connector.desk import Desk
from connector.hubspot.door import Page, UpdateAnswer
from connector.hubspot.faults import BatchRefused
from connector.hubspot.in_memory import MemoryDoor
from connector.presets import preset
from connector.propose import propose
from connector.pull import pull
from state import audit, mirror, outbox, plans
from state.plans import PlanHead
from state.store import Store

CONTACTS, COMPANIES, DEALS = ObjectType.CONTACTS, ObjectType.COMPANIES, ObjectType.DEALS
START = datetime(2026, 3, 12, 12, tzinfo=UTC)
OPEN, WON, LOST = "contractsent", "closedwon", "closedlost"
SQL, MQL = "salesqualifiedlead", "marketingqualifiedlead"
DAY = 86_400.0

SCORE = definition("score", "number")
CONTRACT_END = definition("contract_end", "date")


def portal(**changes: object) -> Portal:
    """Return a portal with a score of its own on contacts, and a date on companies."""
    more = {CONTACTS: [SCORE], COMPANIES: [CONTRACT_END], DEALS: list[PropertyDefinition]()}
    return default_portal(more=more, **changes)  # type: ignore[arg-type]  # a test names its own


@dataclass(slots=True)
class BusyPortal(MemoryDoor):
    """A portal in which somebody else acts before or after a request of ours.

    `acts` holds who acts, by method, number of the request, and `before` or `after`;
    `sent` is every batch of changes that arrived, `hidden` what searches do not show yet,
    `forbidden` what a batch is refused for, `unnamed` what each answer passes over,
    `deaf` which changes are answered well and not stored, `retold` how answers are bent.
    """

    acts: dict[tuple[str, int, str], Callable[[], None]] = field(default_factory=dict)
    sent: list[dict[Ref, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, tuple[Ref, ...], tuple[str, ...]]] = field(default_factory=list)
    hidden: set[Ref] = field(default_factory=set)
    unnamed: list[frozenset[Ref]] = field(default_factory=list)
    forbidden: set[tuple[Ref, str, str]] = field(default_factory=set)
    deaf: Callable[[Ref, str, str], bool] = lambda _ref, _name, _value: False
    retold: Callable[[UpdateAnswer], UpdateAnswer] = lambda answer: answer

    def before(self, method: str, number: int, act: Callable[[], None]) -> None:
        """Let somebody act just before the n-th request of a method."""
        self.acts[method, number, "before"] = act

    def after(self, method: str, number: int, act: Callable[[], None]) -> None:
        """Let somebody act just after the n-th request of a method."""
        self.acts[method, number, "after"] = act

    def dissociate(self, one: Ref, other: Ref) -> None:
        """Take the link between two records out."""
        for source, target in ((one, other), (other, one)):
            del self._links[source, target.object_type][target]

    def changed(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after_id: str = "",
    ) -> Page:
        self._act("changed", "before")
        page = MemoryDoor.changed(
            self, object_type, properties, since=since, until=until, after_id=after_id
        )
        shown = tuple(one for one in page.records if one.ref not in self.hidden)
        hidden = len(page.records) - len(shown)
        return Page(records=shown, total=(page.total or 0) - hidden)

    def page(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        after: str | None = None,
        archived: bool = False,
    ) -> Page:
        self._act("page", "before")
        return MemoryDoor.page(self, object_type, properties, after=after, archived=archived)

    def associations(
        self, refs: Sequence[Ref], to: ObjectType
    ) -> dict[Ref, tuple[Association, ...]]:
        self._act("associations", "before")
        self.asked.append(("associations", tuple(refs), (str(to),)))
        return MemoryDoor.associations(self, refs, to)

    def read(self, refs, properties, *, history=()):  # type: ignore[no-untyped-def]  # as the door's
        self._act("read", "before")
        self.asked.append(("history" if history else "read", tuple(refs), tuple(properties)))
        found = MemoryDoor.read(self, refs, properties, history=history)
        self._act("read", "after")
        return found

    def update(self, changes: Mapping[Ref, Mapping[str, str]]) -> UpdateAnswer:
        self._act("update", "before")
        self.sent.append({ref: dict(values) for ref, values in changes.items()})
        self._forbid(changes)
        unnamed = self.unnamed.pop(0) if self.unnamed else frozenset()
        heard = {
            ref: {name: one for name, one in values.items() if not self.deaf(ref, name, one)}
            for ref, values in changes.items()
            if ref not in unnamed
        }
        if not heard:
            self.requests["update"] += 1
        answer = MemoryDoor.update(self, heard)
        self._act("update", "after")
        told = UpdateAnswer(
            updated=answer.updated,
            refused=answer.refused,
            unnamed=frozenset(unnamed & changes.keys()),
            correlation_id=f"answer-{len(self.sent)}",
        )
        return self.retold(told)

    def _forbid(self, changes: Mapping[Ref, Mapping[str, str]]) -> None:
        asked = {(ref, *each) for ref, values in changes.items() for each in values.items()}
        if asked & self.forbidden:
            self.requests["update"] += 1
            raise BatchRefused("HubSpot refused the batch (INVALID_OPTION)", category="BAD")

    def _act(self, method: str, when: str) -> None:
        number = self.requests[method] + (when == "before")
        act = self.acts.pop((method, number, when), None)
        if act:
            act()


@dataclass
class Office:
    """One portal, one store, and as many runs as a test needs."""

    door: BusyPortal
    store: Store
    waited: list[float] = field(default_factory=list)
    ids: count[int] = field(default_factory=lambda: count(98))
    runs: count[int] = field(default_factory=lambda: count(1))

    def desk(self, policy: str = "extends: standard", **more: object) -> Desk:
        """Lay out the desk for a new run."""
        what = self.door.what
        read = load(policy, source="test.yaml", preset=preset)
        # Time stands still here: without this, no reading would ever be too old to rely on.
        more = {"fresh": timedelta(seconds=-1), **more}
        return Desk(
            run=f"run-{next(self.runs)}",
            door=self.door,
            store=self.store,
            portal=what,
            policy=bind(read, what),
            wait=self.wait,
            **more,  # type: ignore[arg-type]  # a test names its own
        )

    def propose(self, desk: Desk | None = None) -> PlanHead:
        """Make a plan, as often as a test likes."""
        return propose(desk or self.desk(), number=next(self.runs))

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.door.advance(seconds)

    # What stands in the portal

    def contact(self, stage: str = "", status: str = "", **properties: str) -> Ref:
        return self._create(CONTACTS, {STAGE: stage, STATUS: status, **properties})

    def company(self, stage: str = "", **properties: str) -> Ref:
        return self._create(COMPANIES, {STAGE: stage, **properties})

    def deal(self, stage: str, *of: Ref, primary: bool = True, **properties: str) -> Ref:
        """Create a deal, linked with these records; its first company is the primary one."""
        ref = self._create(DEALS, {"dealstage": stage, "pipeline": "default", **properties})
        for one in of:
            self.link(ref, one, primary=primary and one.object_type is COMPANIES)
        return ref

    def _create(self, kind: ObjectType, properties: Mapping[str, str]) -> Ref:
        ref = Ref(kind, str(next(self.ids)))
        given = {name: value for name, value in properties.items() if value}
        self.door.put(ref, given, source_type="IMPORT", source_id="1")
        return ref

    def link(self, deal: Ref, other: Ref, *labels: str, primary: bool = False) -> None:
        self.door.associate(deal, other, is_primary=primary, labels=labels)

    def edit(self, ref: Ref, *, by: str = "AUTOMATION_PLATFORM", **properties: str) -> None:
        """Let a workflow, or whom `by` names, edit a record."""
        self.door.put(ref, properties, source_type=by, source_id="71830")

    def person_sets(self, ref: Ref, **properties: str) -> None:
        """Let a person edit a record in HubSpot's screens."""
        self.edit(ref, by="CRM_UI", **properties)

    def automate(self, ref: Ref, **properties: str) -> None:
        """Let a workflow of the portal write."""
        self.door.put(ref, properties, source_type="AUTOMATION_PLATFORM", source_id="flow:7")

    def stage(self, ref: Ref) -> str:
        return self.door.value(ref, STAGE)

    def status(self, ref: Ref) -> str:
        return self.door.value(ref, STATUS)

    def read_all(self) -> None:
        """Pull everything, an hour after it was last touched; nothing is due any more."""
        self.door.advance(3600)
        pull(self.desk())
        self.forget_due()
        self.requests()

    def forget_due(self) -> None:
        with self.store.begin() as session:
            for kind in (CONTACTS, COMPANIES):
                mirror.set_due(session, "1", dict.fromkeys(self.due(kind)))

    def wake(self, refs: Sequence[Ref]) -> None:
        """Make records due now."""
        with self.store.begin() as session:
            mirror.mark_due(session, "1", refs, at=self.door.now())

    # What the store remembers

    def due(self, kind: ObjectType = CONTACTS) -> tuple[Ref, ...]:
        with self.store.reading() as session:
            return mirror.due(session, "1", kind, until=self.door.now(), limit=100_000)

    def mirrored(self, ref: Ref) -> dict[str, str | None] | None:
        with self.store.reading() as session:
            found = mirror.get(session, "1", [ref]).get(ref)
        return dict(found.properties) if found and not found.archived else None

    def lines(self) -> list[AuditLine]:
        with self.store.reading() as session:
            return list(audit.read(session, "1"))

    def outcomes(self) -> list[tuple[str, str, str]]:
        """Return record, new value and outcome of every audit line."""
        return [(str(one.record), one.after, str(one.outcome)) for one in self.lines()]

    def open_moves(self) -> tuple[Move, ...]:
        with self.store.reading() as session:
            return outbox.open_moves(session, "1")

    def corrections(self, plan: PlanHead) -> list[Correction]:
        with self.store.reading() as session:
            rows = plans.corrections(session, "1", plan.plan_id)
        return [one for _, each in rows for one in each]

    def changes(self, plan: PlanHead) -> list[tuple[str, str, str, str]]:
        """Return record, value before, value after and rule of every correction."""
        return [
            (str(one.record), one.before, one.after, one.rule) for one in self.corrections(plan)
        ]

    def requests(self) -> Counter[str]:
        """Return what was asked since the last time, by method."""
        told = Counter(self.door.requests)
        self.door.requests.clear()
        return told
