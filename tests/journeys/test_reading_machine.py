"""Random changes and stops: the mirror ends equal to the portal."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connector.hubspot.http.failures import LimitReached
from connector.pull.poll import pull
from connector.sandbox.http.server import Sandbox
from state.db.store import Store
from tests.fakes.rescan import rescan_all
from tests.journeys.mirror_comparison import differences
from tests.journeys.sample_records import (
    LOST,
    OPEN,
    WON,
    create_company,
    create_contact,
    create_deal,
)
from tests.journeys.workspace import TOKEN, Workspace, new_portal

OBJECT_TYPES = ("contacts", "companies", "deals")
_EMPTY_DATABASES: list[Path] = []


def _empty_database() -> Path:
    """Return a migrated database: migrating costs more than a whole example."""
    if not _EMPTY_DATABASES:
        folder = TemporaryDirectory(prefix="connector-machine-")
        path = Path(folder.name) / "empty.db"
        Store.open(f"sqlite:///{path}").close()
        _EMPTY_DATABASES.append(path)
        _FOLDERS.append(folder)
    return _EMPTY_DATABASES[0]


_FOLDERS: list[TemporaryDirectory[str]] = []


class ReadingMachine(RuleBasedStateMachine):
    """A portal in which everything happens, and a connector that stops at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.portal = new_portal()
        self.folder = TemporaryDirectory(prefix="connector-machine-")
        path = Path(self.folder.name)
        shutil.copy(_empty_database(), path / "connector.db")
        self.sandbox = Sandbox(self.portal, token=TOKEN).__enter__()
        self.workspace = Workspace(portal=self.portal, sandbox=self.sandbox, folder=path)
        self.archived: list[tuple[str, str]] = []
        self.contact_count = 0

    @initialize(
        bumps=st.booleans(), new_id=st.booleans(), follows=st.booleans(), meaning=st.booleans()
    )
    def begin(self, bumps: bool, new_id: bool, follows: bool, meaning: bool) -> None:
        switches = self.portal.switches
        switches.association_bumps_modified = bumps
        switches.merge_new_id = new_id
        switches.batch_read_follows_merges = follows
        switches.list_after = "next" if meaning else "last"
        for number in range(4):
            contact_id = create_contact(self.portal, f"p{number}", "lead")
            create_deal(
                self.portal,
                [OPEN],
                contacts=[contact_id],
                companies=[create_company(self.portal, "AS")],
            )

    def _pick_record_id(self, kind: str, chance: int) -> str | None:
        records = self.portal.records(kind)
        return str(records[chance % len(records)].id) if records else None

    @rule(chance=st.integers(0, 99))
    def create(self, chance: int) -> None:
        self.contact_count += 1
        contact_id = create_contact(self.portal, f"new{self.contact_count}", "lead", days=0)
        if chance % 2:
            create_deal(self.portal, [(OPEN, WON, LOST)[chance % 3]], contacts=[contact_id])

    @rule(chance=st.integers(0, 99), stage=st.sampled_from(["lead", "customer", "opportunity"]))
    def edit(self, chance: int, stage: str) -> None:
        kind = ("contacts", "companies")[chance % 2]
        record_id = self._pick_record_id(kind, chance)
        if record_id:
            self.portal.edit(kind, record_id, {"lifecyclestage": stage})

    @rule(chance=st.integers(0, 99), stage=st.sampled_from([OPEN, WON, LOST]))
    def move_deal(self, chance: int, stage: str) -> None:
        deal_id = self._pick_record_id("deals", chance)
        if deal_id:
            self.portal.edit("deals", deal_id, {"dealstage": stage})

    @rule(kind=st.sampled_from(OBJECT_TYPES), chance=st.integers(0, 99))
    def archive(self, kind: str, chance: int) -> None:
        record_id = self._pick_record_id(kind, chance)
        if record_id:
            self.portal.archive(kind, record_id)
            self.archived.append((kind, record_id))

    @rule(chance=st.integers(0, 99))
    def restore(self, chance: int) -> None:
        if self.archived:
            kind, record_id = self.archived.pop(chance % len(self.archived))
            self.portal.restore(kind, record_id)

    @rule(kind=st.sampled_from(OBJECT_TYPES), chance=st.integers(0, 99))
    def merge(self, kind: str, chance: int) -> None:
        first_id, second_id = (
            self._pick_record_id(kind, chance),
            self._pick_record_id(kind, chance + 1),
        )
        if first_id and second_id and first_id != second_id:
            self.portal.merge(kind, first_id, second_id)

    @rule(chance=st.integers(0, 99))
    def delete_for_privacy(self, chance: int) -> None:
        contact_id = self._pick_record_id("contacts", chance)
        if contact_id and chance % 4 == 0:
            self.portal.delete_for_privacy(contact_id)

    @rule(chance=st.integers(0, 99), to=st.sampled_from(["contacts", "companies"]))
    def associate(self, chance: int, to: str) -> None:
        deal_id, target_id = (
            self._pick_record_id("deals", chance),
            self._pick_record_id(to, chance // 3),
        )
        if deal_id and target_id:
            self.portal.associate("deals", deal_id, to, target_id)

    @rule(chance=st.integers(0, 99), to=st.sampled_from(["contacts", "companies"]))
    def dissociate(self, chance: int, to: str) -> None:
        deal_id = self._pick_record_id("deals", chance)
        for record in self.portal.records(to):
            if deal_id and deal_id in {
                str(linked_id) for linked_id in self._deals_of(to, record.id)
            }:
                self.portal.dissociate("deals", deal_id, to, str(record.id))
                return

    def _deals_of(self, kind: str, number: int) -> list[int]:
        links = self.portal.links.linked_records(kind, number)
        return [linked_id for target_type, linked_id, _ in links if target_type == "deals"]

    @rule(seconds=st.sampled_from([1, 60, 600, 7200]))
    def pass_time(self, seconds: int) -> None:
        self.portal.clock.advance(seconds)

    @rule()
    def poll(self) -> None:
        with self.workspace.open_context() as context:
            pull(context)

    @rule(nth=st.integers(1, 6))
    def stop_within_a_pull(self, nth: int) -> None:
        """Die at a request: what was not stored is gone, as after a `kill -9`."""
        with self.workspace.open_context() as context:
            requests_left = [nth]

            def stop_at_limit(_: object) -> None:
                requests_left[0] -= 1
                if requests_left[0] < 0:
                    raise LimitReached("stopped")

            self.sandbox.before_answer = None
            real_changed = context.api.search_changed

            def count_and_read(*names: object, **options: object) -> object:
                stop_at_limit(None)
                return real_changed(*names, **options)  # type: ignore[arg-type]  # as they came

            context.api.search_changed = count_and_read  # type: ignore[method-assign,assignment]  # to crash
            try:
                pull(context)
            except LimitReached:
                return

    @invariant()
    def check_nothing_yet(self) -> None:
        """Let the rules alone; the comparison comes at the end."""

    def teardown(self) -> None:
        try:
            self.portal.clock.advance(60)
            with self.workspace.open_context() as context:
                pull(context)
                rescan_all(context)
                self.portal.clock.advance(60)
                pull(context)
            assert differences(self.workspace) == {}
        finally:
            self.sandbox.close()
            self.folder.cleanup()


def machine(examples: int, steps: int) -> type:
    run_settings = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    machine_class = type(f"Reading{steps}", (ReadingMachine,), {})
    machine_class.TestCase.settings = run_settings  # type: ignore[attr-defined]  # Hypothesis puts it there
    return machine_class


TestReading = machine(12, 30).TestCase  # type: ignore[attr-defined]  # as above


@pytest.mark.long
class TestAThousandSteps(machine(5, 1000).TestCase):  # type: ignore[misc,attr-defined]  # as above
    """The same at length."""
