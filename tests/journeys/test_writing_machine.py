"""Whoever edits while we write, and however often we die: it converges, and covers nobody's word.

People, workflows, imports and HubSpot's own automations edit at random, also right between two
of our requests, while the connector polls, dies at any request or commit, and starts again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from connector.core.holds import Hold, Scope
from connector.core.model import STAGE, STATUS, Ref
from connector.holding import add, remove
from connector.pausing import pause, resume
from state.store import Store
from tests.journeys.busy import Town
from tests.usecases.office import CONTACTS, DAY, LOST, OPEN, WON

STAGES = ("", "subscriber", "lead", "salesqualifiedlead", "opportunity", "customer", "evangelist")
STATUSES = ("", "NEW", "CONNECTED", "OPEN_DEAL", "BAD_TIMING")
_SOURCES = ("CRM_UI", "CRM_UI", "MOBILE_IOS", "AUTOMATION_PLATFORM", "IMPORT", "SALESFORCE")
_FOLDER = TemporaryDirectory(prefix="connector-machine-")
_EMPTY = Path(_FOLDER.name) / "empty.db"
_RESTS_WITHIN = 8


class Writing(RuleBasedStateMachine):
    """A portal that everybody writes into, and a connector among them."""

    def __init__(self) -> None:
        super().__init__()
        if not _EMPTY.exists():
            Store.open(f"sqlite:///{_EMPTY}").close()
        self.folder = TemporaryDirectory(prefix="connector-machine-")
        path = shutil.copy(_EMPTY, Path(self.folder.name) / "connector.db")
        self.town = Town.found(f"sqlite:///{path}")
        self.office = self.town.office

    @initialize(follows=st.booleans())
    def begin(self, follows: bool) -> None:
        self.town.door.follows_merges = follows
        for number in range(6):
            person = self.office.contact("lead" if number % 2 else "customer")
            firm = self.office.company("lead")
            self.office.deal((OPEN, WON, LOST)[number % 3], person, firm)
        self.pass_time(3600)

    def _one(self, chance: int) -> Ref:
        records = self.town.records()
        return records[chance % len(records)]

    def _edit(self, chance: int, by: str, stage: str, status: str) -> None:
        ref = self._one(chance)
        values = (
            {STAGE: stage} if chance % 3 or ref.object_type is not CONTACTS else {STATUS: status}
        )
        self.town.door.put(ref, values, source_type=by, source_id=f"{by}:{chance}")
        self.town.released.add(ref) if not stage else self.town.released.discard(ref)

    @rule(
        chance=st.integers(0, 99),
        by=st.sampled_from(_SOURCES),
        stage=st.sampled_from(STAGES),
        status=st.sampled_from(STATUSES),
    )
    def edit(self, chance: int, by: str, stage: str, status: str) -> None:
        self._edit(chance, by, stage, status)

    @rule(chance=st.integers(0, 99), stage=st.sampled_from((OPEN, WON, LOST)))
    def deal_moves(self, chance: int, stage: str) -> None:
        deals = self.town.deals()
        self.office.edit(deals[chance % len(deals)], by="CRM_UI", dealstage=stage)

    @rule(chance=st.integers(0, 99), stage=st.sampled_from((OPEN, WON)))
    def deal_comes(self, chance: int, stage: str) -> None:
        if len(self.town.deals()) < 12:
            ref = self._one(chance)
            self.office.deal(stage, ref)
            if chance % 2:  # HubSpot's own setting moves its contact ahead, in the same moment
                self._ahead(ref, "customer" if stage == WON else "opportunity")

    def _ahead(self, ref: Ref, stage: str) -> None:
        if STAGES.index(self.office.stage(ref)) < STAGES.index(stage):
            self.office.edit(ref, by="PIPELINE_SETTINGS", lifecyclestage=stage)

    @rule(seconds=st.sampled_from((1.0, 60.0, 3600.0, DAY, 31 * DAY)))
    def pass_time(self, seconds: float) -> None:
        self.office.door.advance(seconds)

    @rule()
    def poll(self) -> None:
        self.town.sync()
        self.look()
        assert self.town.over_limits() == []

    @rule(steps=st.integers(0, 80))
    def die_while_polling(self, steps: int) -> None:
        self.town.die_within(steps)
        self.town.sync()

    @rule(
        request=st.tuples(st.sampled_from(("update", "read")), st.integers(1, 5)),
        when=st.sampled_from(("before", "after")),
        edit=st.tuples(
            st.integers(0, 99),
            st.sampled_from(_SOURCES),
            st.sampled_from(STAGES),
            st.sampled_from(STATUSES),
        ),
        steps=st.one_of(st.none(), st.integers(20, 80)),
    )
    def somebody_edits_while_we_poll(
        self,
        request: tuple[str, int],
        when: str,
        edit: tuple[int, str, str, str],
        steps: int | None,
    ) -> None:
        method, nth = request
        door = self.town.door
        door.acts[method, door.requests[method] + nth, when] = lambda: self._edit(*edit)
        self.town.life.left = steps
        self.town.sync()
        door.acts.clear()
        if steps is None:
            self.look()

    @rule(stage=st.sampled_from(("lead", "opportunity", "customer")))
    def an_automation_fills_the_gap(self, stage: str) -> None:
        self.town.door.fills_gaps = stage
        self.town.sync()
        self.town.door.fills_gaps = ""
        self.look()

    @rule(chance=st.integers(0, 99))
    def hold(self, chance: int) -> None:
        if self.office.open_moves():
            return
        ref = self._one(chance)
        since = self.office.door.now()
        made = Hold(
            scope=Scope.RECORD, of=str(ref), property_name="", reason="told", by="me", since=since
        )
        add(self.office.desk(), made)
        self.town.holds[ref] = since

    @rule(chance=st.integers(0, 99))
    def release(self, chance: int) -> None:
        ref = self._one(chance)
        remove(self.office.desk(), Scope.RECORD, str(ref), None)
        self.town.holds.pop(ref, None)

    @rule()
    def pause_for_a_poll(self) -> None:
        if self.office.open_moves():
            return
        pause(self.office.store, "1", at=self.office.door.now(), reason="")
        sent = len(self.office.door.sent)
        self.town.sync()
        assert len(self.office.door.sent) == sent
        resume(self.office.store, "1")

    def look(self) -> None:
        """Look at what must be true whenever no move is open."""
        town = self.town
        assert town.written_while_held() == []
        if self.office.open_moves():
            return
        assert town.blanks() == []
        assert town.overwritten() == []
        assert town.unaudited() == []

    def teardown(self) -> None:
        try:
            self._come_to_rest()
        finally:
            self.office.store.close()
            self.folder.cleanup()

    def _come_to_rest(self) -> None:
        """Nobody edits any more: after a few polls there is nothing left to correct."""
        for _ in range(_RESTS_WITHIN):
            self.pass_time(3600)
            done = self.town.sync(permitted=True)  # whatever a limit kept waiting may go
            self.look()
            if done is not None and not done.plan.summary["corrections"]:
                break
        else:
            raise AssertionError("it does not come to rest")
        assert self.office.open_moves() == ()


def machine(examples: int, steps: int) -> type:
    # A shorter example of a failure would take many times as long as all of them.
    chosen = settings(
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    made = type(f"Writing{steps}", (Writing,), {})
    made.TestCase.settings = chosen  # type: ignore[attr-defined]  # Hypothesis puts it there
    return made


TestWriting = machine(15, 30).TestCase  # type: ignore[attr-defined]  # as above


@pytest.mark.long
@pytest.mark.timeout(3600)
class TestAThousandSteps(machine(10, 1000).TestCase):  # type: ignore[misc,attr-defined]  # as above
    """The same at length."""
