"""Whatever happens in a portal, and however often we stop: the mirror ends as the portal is."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connector.hubspot.faults import LimitReached
from connector.pull import pull
from connector.rolling import roll_round
from connector.sandbox.server import Sandbox
from state.store import Store
from tests.journeys.bench import TOKEN, Bench, new_portal
from tests.journeys.cast import LOST, OPEN, WON, company, contact, deal
from tests.journeys.mirrored import differences

KINDS = ("contacts", "companies", "deals")
_EMPTY: list[Path] = []


def _empty_database() -> Path:
    """Return a migrated database: migrating costs more than a whole example."""
    if not _EMPTY:
        folder = TemporaryDirectory(prefix="connector-machine-")
        path = Path(folder.name) / "empty.db"
        Store.open(f"sqlite:///{path}").close()
        _EMPTY.append(path)
        _FOLDERS.append(folder)
    return _EMPTY[0]


_FOLDERS: list[TemporaryDirectory[str]] = []


class Reading(RuleBasedStateMachine):
    """A portal in which everything happens, and a connector that stops at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.portal = new_portal()
        self.folder = TemporaryDirectory(prefix="connector-machine-")
        path = Path(self.folder.name)
        shutil.copy(_empty_database(), path / "connector.db")
        self.box = Sandbox(self.portal, token=TOKEN).__enter__()
        self.bench = Bench(portal=self.portal, box=self.box, folder=path)
        self.archived: list[tuple[str, str]] = []
        self.numbers = 0

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
            made = contact(self.portal, f"p{number}", "lead")
            deal(self.portal, [OPEN], contacts=[made], companies=[company(self.portal, "AS")])

    def _one(self, kind: str, chance: int) -> str | None:
        records = self.portal.records(kind)
        return str(records[chance % len(records)].id) if records else None

    @rule(chance=st.integers(0, 99))
    def create(self, chance: int) -> None:
        self.numbers += 1
        made = contact(self.portal, f"new{self.numbers}", "lead", days=0)
        if chance % 2:
            deal(self.portal, [(OPEN, WON, LOST)[chance % 3]], contacts=[made])

    @rule(chance=st.integers(0, 99), stage=st.sampled_from(["lead", "customer", "opportunity"]))
    def edit(self, chance: int, stage: str) -> None:
        kind = ("contacts", "companies")[chance % 2]
        one = self._one(kind, chance)
        if one:
            self.portal.edit(kind, one, {"lifecyclestage": stage})

    @rule(chance=st.integers(0, 99), stage=st.sampled_from([OPEN, WON, LOST]))
    def move_deal(self, chance: int, stage: str) -> None:
        one = self._one("deals", chance)
        if one:
            self.portal.edit("deals", one, {"dealstage": stage})

    @rule(kind=st.sampled_from(KINDS), chance=st.integers(0, 99))
    def archive(self, kind: str, chance: int) -> None:
        one = self._one(kind, chance)
        if one:
            self.portal.archive(kind, one)
            self.archived.append((kind, one))

    @rule(chance=st.integers(0, 99))
    def restore(self, chance: int) -> None:
        if self.archived:
            kind, one = self.archived.pop(chance % len(self.archived))
            self.portal.restore(kind, one)

    @rule(kind=st.sampled_from(KINDS), chance=st.integers(0, 99))
    def merge(self, kind: str, chance: int) -> None:
        one, other = self._one(kind, chance), self._one(kind, chance + 1)
        if one and other and one != other:
            self.portal.merge(kind, one, other)

    @rule(chance=st.integers(0, 99))
    def delete_for_privacy(self, chance: int) -> None:
        one = self._one("contacts", chance)
        if one and chance % 4 == 0:
            self.portal.delete_for_privacy(one)

    @rule(chance=st.integers(0, 99), to=st.sampled_from(["contacts", "companies"]))
    def associate(self, chance: int, to: str) -> None:
        made, other = self._one("deals", chance), self._one(to, chance // 3)
        if made and other:
            self.portal.associate("deals", made, to, other)

    @rule(chance=st.integers(0, 99), to=st.sampled_from(["contacts", "companies"]))
    def dissociate(self, chance: int, to: str) -> None:
        made = self._one("deals", chance)
        for other in self.portal.records(to):
            if made and made in {str(one) for one in self._deals_of(to, other.id)}:
                self.portal.dissociate("deals", made, to, str(other.id))
                return

    def _deals_of(self, kind: str, number: int) -> list[int]:
        links = self.portal.links.neighbours(kind, number)
        return [one for target, one, _ in links if target == "deals"]

    @rule(seconds=st.sampled_from([1, 60, 600, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.portal.clock.advance(seconds)

    @rule()
    def poll(self) -> None:
        with self.bench.desk() as desk:
            pull(desk)

    @rule(nth=st.integers(1, 6))
    def stop_in_the_middle(self, nth: int) -> None:
        """Die at a request: what was not stored is gone, as after a `kill -9`."""
        with self.bench.desk() as desk:
            left = [nth]

            def die(_: object) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise LimitReached("stopped")

            self.box.before = None
            real = desk.door.changed

            def changed(*names: object, **more: object) -> object:
                die(None)
                return real(*names, **more)  # type: ignore[arg-type]  # as they came

            desk.door.changed = changed  # type: ignore[method-assign,assignment]  # to crash
            try:
                pull(desk)
            except LimitReached:
                return

    @invariant()
    def nothing(self) -> None:
        """Let the rules alone; the comparison comes at the end."""

    def teardown(self) -> None:
        try:
            self.portal.clock.advance(60)
            with self.bench.desk() as desk:
                pull(desk)
                roll_round(desk)
                self.portal.clock.advance(60)
                pull(desk)
            assert differences(self.bench) == {}
        finally:
            self.box.close()
            self.folder.cleanup()


def machine(examples: int, steps: int) -> type:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    made = type(f"Reading{steps}", (Reading,), {})
    made.TestCase.settings = chosen  # type: ignore[attr-defined]  # Hypothesis puts it there
    return made


TestReading = machine(12, 30).TestCase  # type: ignore[attr-defined]  # as above


@pytest.mark.long
class TestAThousandSteps(machine(5, 1000).TestCase):  # type: ignore[misc,attr-defined]  # as above
    """The same at length."""
