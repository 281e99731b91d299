"""Random edits and crashes while we write: all records become right, and no edit is lost.

People, workflows, imports and HubSpot's own automations edit at random, also several of them
between two of our requests. Searches and association answers lack rows, records cannot be read,
the disk is full; the connector polls, dies at any request or commit, and starts again.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from connector.core.corrections.holds import Hold, HoldScope
from connector.core.model import STAGE, STATUS, Ref
from connector.operations.holds import add_hold, remove_holds
from connector.push.pause import pause, resume
from state.db.store import Store
from tests.fakes.connected_portal import CONTACTS, DAY, LOST, OPEN, WON
from tests.journeys.interleaved_portal import CrashingStore, Scenario

STAGES = ("", "subscriber", "lead", "salesqualifiedlead", "opportunity", "customer", "evangelist")
STATUSES = ("", "NEW", "CONNECTED", "OPEN_DEAL", "BAD_TIMING")
_SOURCES = (
    *("CRM_UI", "CRM_UI", "MOBILE_IOS", "AUTOMATION_PLATFORM", "IMPORT", "SALESFORCE"),
    "INTEGRATION",  # another one than we are
)
_EMPTY_FOLDER = TemporaryDirectory(prefix="connector-machine-")
_EMPTY_DATABASE = Path(_EMPTY_FOLDER.name) / "empty.db"
_MAX_POLLS = 8


class WritingMachine(RuleBasedStateMachine):
    """A portal that everybody writes into, and a connector among them."""

    def __init__(self) -> None:
        super().__init__()
        if not _EMPTY_DATABASE.exists():
            Store.open(f"sqlite:///{_EMPTY_DATABASE}").close()
        self.folder = TemporaryDirectory(prefix="connector-machine-")
        path = shutil.copy(_EMPTY_DATABASE, Path(self.folder.name) / "connector.db")
        self.scenario = Scenario.create(f"sqlite:///{path}")
        self.workspace = self.scenario.workspace

    @initialize(follows=st.booleans())
    def begin(self, follows: bool) -> None:
        self.scenario.api.follows_merges = follows
        # Our own versions are known from the first write that was read back.
        self.workspace.deal(WON, self.workspace.contact("lead"))
        self.pass_time(3600)
        assert self.scenario.sync() is not None
        for number in range(6):
            person = self.workspace.contact("lead" if number % 2 else "customer")
            company = self.workspace.company("lead")
            self.workspace.deal((OPEN, WON, LOST)[number % 3], person, company)
        self.pass_time(3600)

    def _pick_record(self, chance: int) -> Ref:
        records = self.scenario.records()
        return records[chance % len(records)]

    def _edit(self, chance: int, by: str, stage: str, status: str) -> None:
        ref = self._pick_record(chance)
        values = (
            {STAGE: stage} if chance % 3 or ref.object_type is not CONTACTS else {STATUS: status}
        )
        self.scenario.api.put(ref, values, source_type=by, source_id=f"{by}:{chance}")

    @rule(
        chance=st.integers(0, 99),
        by=st.sampled_from(_SOURCES),
        stage=st.sampled_from(STAGES),
        status=st.sampled_from(STATUSES),
    )
    def edit(self, chance: int, by: str, stage: str, status: str) -> None:
        self._edit(chance, by, stage, status)

    @rule(chance=st.integers(0, 99), stage=st.sampled_from((OPEN, WON, LOST)))
    def move_deal(self, chance: int, stage: str) -> None:
        deals = self.scenario.deals()
        self.workspace.edit(deals[chance % len(deals)], source_type="CRM_UI", dealstage=stage)

    @rule(chance=st.integers(0, 99), stage=st.sampled_from((OPEN, WON)))
    def create_deal(self, chance: int, stage: str) -> None:
        if len(self.scenario.deals()) < 12:
            ref = self._pick_record(chance)
            self.workspace.deal(stage, ref)
            if chance % 2:  # HubSpot's own setting moves its contact ahead, in the same moment
                self._move_ahead(ref, "customer" if stage == WON else "opportunity")

    def _move_ahead(self, ref: Ref, stage: str) -> None:
        if STAGES.index(self.workspace.stage(ref)) < STAGES.index(stage):
            self.workspace.edit(ref, source_type="PIPELINE_SETTINGS", lifecyclestage=stage)

    @rule(seconds=st.sampled_from((1.0, 60.0, 3600.0, DAY, 31 * DAY)))
    def pass_time(self, seconds: float) -> None:
        self.workspace.api.advance(seconds)

    @rule()
    def poll(self) -> None:
        self.scenario.sync()
        self.check_promises()
        assert self.scenario.types_over_limit() == []

    @rule(steps=st.integers(0, 80))
    def kill_while_polling(self, steps: int) -> None:
        self.scenario.kill_within(steps)
        self.scenario.sync()

    @rule(
        request=st.tuples(st.sampled_from(("update", "read")), st.integers(1, 5)),
        when=st.sampled_from(("before", "after")),
        edits=st.lists(
            st.tuples(
                st.integers(0, 99),
                st.sampled_from(_SOURCES),
                st.sampled_from(STAGES),
                st.sampled_from(STATUSES),
            ),
            min_size=1,
            max_size=3,
        ),
        steps=st.one_of(st.none(), st.integers(20, 80)),
    )
    def edit_while_polling(
        self,
        request: tuple[str, int],
        when: str,
        edits: list[tuple[int, str, str, str]],
        steps: int | None,
    ) -> None:
        method, nth = request
        api = self.scenario.api
        chance = edits[0][0]

        def edit_record() -> None:
            # All of them edit the same record, in any order of people and programs.
            for number, (_, source, stage, status) in enumerate(edits):
                api.current_time += timedelta(milliseconds=5 * number)
                self._edit(chance, source, stage, status)

        api.hooks[method, api.requests[method] + nth, when] = edit_record
        self.scenario.step_budget.steps_left = steps
        self.scenario.sync()
        api.hooks.clear()
        if steps is None:
            self.check_promises()

    @rule(stage=st.sampled_from(("lead", "opportunity", "customer")))
    def fill_the_gap(self, stage: str) -> None:
        self.scenario.api.gap_stage = stage
        self.scenario.sync()
        self.scenario.api.gap_stage = ""
        self.check_promises()

    @rule(
        chance=st.integers(0, 99),
        by=st.sampled_from(("AUTOMATION_PLATFORM", "INTEGRATION")),
        stage=st.sampled_from(STAGES[1:]),
        seconds=st.integers(0, 800),
    )
    def poll_while_a_program_clears_and_sets(
        self, chance: int, by: str, stage: str, seconds: int
    ) -> None:
        ref = self._pick_record(chance)
        # The clear of another integration may be ours where we cleared as well.
        is_theirs = by != "INTEGRATION" or not self.workspace.open_moves()
        is_cleared = bool(self.workspace.stage(ref))
        self.workspace.edit(ref, source_type=by, lifecyclestage="")
        self.pass_time(seconds)
        self.scenario.sync()
        assert not (is_cleared and is_theirs and self.workspace.stage(ref))
        if self.scenario.api._may_move(ref, stage):
            self.workspace.edit(ref, source_type=by, lifecyclestage=stage)
        self.check_promises()

    @rule()
    def poll_with_short_pages(self) -> None:
        self.scenario.api.short_pages = True
        self.scenario.sync()
        self.scenario.api.short_pages = False
        self.check_promises()

    @rule(
        chance=st.integers(0, 99),
        what=st.sampled_from(("read", "clear", "set")),
        status=st.sampled_from((400, 500)),
    )
    def break_a_record(self, chance: int, what: str, status: int) -> None:
        ref = self._pick_record(chance)
        if len(self.scenario.broken_records()) > 2:
            return
        if what == "read":
            self.scenario.api.unreadable.add(ref)
        else:
            self.scenario.api.failing_writes.add((ref, what, status))
        self.scenario.sync()
        self.check_promises()

    @rule()
    def mend_all_records(self) -> None:
        self.scenario.api.unreadable.clear()
        self.scenario.api.failing_writes.clear()

    @rule(chance=st.integers(0, 99))
    def poll_while_an_answer_lacks_links(self, chance: int) -> None:
        deals = self.scenario.deals()
        self.scenario.api.lost_links.add(deals[chance % len(deals)])
        self.scenario.sync()
        self.scenario.api.lost_links.clear()
        self.check_promises()

    @rule(chance=st.integers(0, 99))
    def poll_while_an_answer_lacks_a_record(self, chance: int) -> None:
        self.scenario.api.lost_rows.add(self._pick_record(chance))
        self.scenario.sync()
        self.scenario.api.lost_rows.clear()
        self.check_promises()

    @rule(chance=st.integers(0, 99), writes=st.integers(12, 30))
    def poll_while_the_disk_fills_up(self, chance: int, writes: int) -> None:
        # A stage must go back: only then does a full disk meet a record without one.
        deals = self.scenario.deals()
        deal = deals[chance % len(deals)]
        self.workspace.edit(deal, source_type="CRM_UI", dealstage=LOST)
        for ref in self.scenario.linked_records(deal):
            self.workspace.edit_as_workflow(ref, lifecyclestage="opportunity")
        self.pass_time(DAY + 3600)  # so that no limit keeps it
        store = self.workspace.store
        assert isinstance(store, CrashingStore)
        store.writes_left = writes
        self.scenario.sync()
        store.writes_left = None
        self.check_no_blank()

    @rule(chance=st.integers(0, 99))
    def hold(self, chance: int) -> None:
        if self.workspace.open_moves():
            return
        ref = self._pick_record(chance)
        since = self.workspace.api.now()
        new_hold = Hold(
            scope=HoldScope.RECORD,
            target=str(ref),
            property_name="",
            reason="the operator decides",
            by="operator",
            since=since,
        )
        add_hold(self.workspace.context(), new_hold)
        self.scenario.held_since[ref] = since

    @rule(chance=st.integers(0, 99))
    def release(self, chance: int) -> None:
        ref = self._pick_record(chance)
        remove_holds(self.workspace.context(), HoldScope.RECORD, str(ref), None)
        self.scenario.held_since.pop(ref, None)

    @rule()
    def pause_for_a_poll(self) -> None:
        if self.workspace.open_moves():
            return
        pause(self.workspace.store, "1", at=self.workspace.api.now(), reason="")
        sent_count = len(self.workspace.api.sent_updates)
        self.scenario.sync()
        assert len(self.workspace.api.sent_updates) == sent_count
        resume(self.workspace.store, "1")

    def check_no_blank(self) -> None:
        """Assert that no record stands blank but those that HubSpot does not read or write."""
        broken = self.scenario.broken_records()
        assert [ref for ref in self.scenario.blank_records() if ref not in broken] == []

    def check_promises(self) -> None:
        """Assert what must be true after every poll, of all records without an open move."""
        scenario = self.scenario
        open_refs = {move.record for move in self.workspace.open_moves()}
        assert scenario.writes_while_held() == []
        assert scenario.restored_over_newer_work() == []
        assert scenario.writes_into_others_moves() == []
        self.check_no_blank()
        assert scenario.overwritten_edits(open_refs) == []
        assert scenario.unaudited_writes(open_refs) == []

    def teardown(self) -> None:
        self.mend_all_records()
        try:
            self._poll_until_quiet()
        finally:
            self.workspace.store.close()
            self.folder.cleanup()

    def _poll_until_quiet(self) -> None:
        """Poll while nobody edits any more; after a few polls nothing is left to correct."""
        for _ in range(_MAX_POLLS):
            self.pass_time(3600)
            synced = self.scenario.sync(permitted=True)  # whatever a limit kept waiting may go
            self.check_promises()
            if synced is not None and not synced.plan.summary.corrections:
                break
        else:
            raise AssertionError("it does not come to rest")
        assert self.workspace.open_moves() == ()


def machine(examples: int, steps: int) -> type:
    # A shorter example of a failure would take many times as long as all of them.
    run_settings = settings(
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    machine_class = type(f"Writing{steps}", (WritingMachine,), {})
    machine_class.TestCase.settings = run_settings  # type: ignore[attr-defined]  # Hypothesis puts it there
    return machine_class


TestWriting = machine(15, 30).TestCase  # type: ignore[attr-defined]  # as above


@pytest.mark.long
@pytest.mark.timeout(3600)
class TestAThousandSteps(machine(10, 1000).TestCase):  # type: ignore[misc,attr-defined]  # as above
    """The same at length."""


def test_every_request_and_every_commit_counts_towards_the_death_of_the_process(tmp_path):
    scenario = Scenario.create(f"sqlite:///{tmp_path / 'connector.db'}")
    scenario.workspace.contact("lead")
    scenario.kill_within(10_000)
    steps_before = scenario.step_budget.steps_left
    scenario.workspace.api.account()
    assert scenario.step_budget.steps_left == steps_before - 1
    with scenario.workspace.store.begin("1"):
        assert scenario.step_budget.steps_left == steps_before - 2
