"""A disk that is full from any step on leaves no record without a stage, whatever it stores.

A step is a request to HubSpot or a writing transaction. The disk is a real one: a small file
system where tests may mount one, and a limit on the size of files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connector.errors import ConnectorError
from connector.push.recover_open_moves import recover
from state.db.disk_reserve import RESERVE_BYTES
from tests.fakes.connected_portal import LOST, SQL, WON
from tests.journeys.interleaved_portal import (
    CrashingStore,
    Scenario,
    StepBudget,
)
from tests.journeys.kill_process import KILL_MOMENTS, run, run_and_kill
from tests.journeys.sample_records import OPEN, create_contact, create_deal
from tests.journeys.sample_records import WON as WON_STAGE
from tests.journeys.small_disk import (
    LimitedFiles,
    SmallDisk,
    can_mount,
    limited_files,
    small_file_system,
)
from tests.journeys.workspace import Workspace, new_portal

_STEPS = 54


@dataclass
class FillingBudget(StepBudget):
    """Fills the disk before the n-th step, and, where it is greedy, before each one after it."""

    disk: SmallDisk | None = None
    fills_at: int = 0
    greedy: bool = False
    steps: int = field(default=0, init=False)

    def count_step(self) -> None:
        self.steps += 1
        is_time = self.steps == self.fills_at or (self.greedy and self.steps > self.fills_at)
        if self.disk and is_time:
            self.disk.fill()
        super().count_step()


@pytest.fixture(params=["file system", "file system, filled again and again", "file sizes"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SmallDisk, bool]]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "file sizes":
        with limited_files(folder) as files:
            yield files, True
        return
    if not can_mount(folder):
        pytest.skip("no file system can be mounted here")
    with small_file_system(folder) as file_system:
        yield file_system, "again" in request.param


@dataclass
class FullDiskJourney:
    """A portal with stages that must go back and one that goes ahead, on a disk that fills up."""

    scenario: Scenario
    disk: SmallDisk
    url: str

    @classmethod
    def begin(cls, disk: SmallDisk, empty_database: Path) -> FullDiskJourney:
        path = shutil.copy(empty_database, disk.folder / "connector.db")
        scenario = Scenario.create(f"sqlite:///{path}")
        for _ in range(3):
            scenario.workspace.deal(LOST, scenario.workspace.contact("opportunity"))
        scenario.workspace.deal(WON, scenario.workspace.contact("lead"))
        scenario.workspace.read_all()
        scenario.workspace.make_due(scenario.records())
        return cls(scenario=scenario, disk=disk, url=f"sqlite:///{path}")

    def use(self, budget: StepBudget) -> None:
        """Count the steps by this budget from now on."""
        self.scenario.step_budget = self.scenario.api.step_budget = budget
        store = self.scenario.workspace.store
        assert isinstance(store, CrashingStore)
        store.step_budget = budget

    def restart(self) -> None:
        """End the process, and start it again on what its disk holds."""
        self.scenario.workspace.store.close()
        self.scenario.workspace.store = CrashingStore.open(self.url)

    def recover(self) -> None:
        """Finish open moves, as each command does first."""
        with suppress(ConnectorError):
            recover(self.scenario.workspace.context())

    def stages(self) -> list[str]:
        return [self.scenario.workspace.stage(ref) for ref in self.scenario.records()]

    def finish_with_room(self) -> None:
        """Make room, and see that everything is done, and written down."""
        self.use(StepBudget())
        self.disk.free()
        for _ in range(3):
            self.scenario.workspace.api.advance(3600)
            assert self.scenario.sync(permitted=True) is not None
        assert self.stages() == [SQL, SQL, SQL, "customer"]
        assert self.scenario.workspace.open_moves() == ()
        assert self.scenario.unaudited_writes() == []


@pytest.fixture
def journey(
    disk: tuple[SmallDisk, bool], empty_database: Path
) -> Iterator[Callable[..., FullDiskJourney]]:
    journeys: list[FullDiskJourney] = []

    def begin(step: int, dies_after: int | None = None) -> FullDiskJourney:
        journeys.append(FullDiskJourney.begin(disk[0], empty_database))
        budget = FillingBudget(disk=disk[0], fills_at=step, greedy=disk[1])
        budget.steps_left = None if dies_after is None else step + dies_after
        journeys[0].use(budget)
        return journeys[0]

    yield begin
    for item in journeys:
        item.disk.free()
        item.scenario.workspace.store.close()


@pytest.mark.parametrize(
    "step",
    # The longer tests try every step.
    [pytest.param(step, marks=[pytest.mark.long] if step % 3 else []) for step in range(1, _STEPS)],
)
def test_a_disk_that_is_full_from_a_step_on_leaves_no_stage_blank(
    journey: Callable[..., FullDiskJourney], step: int
) -> None:
    started = journey(step)
    started.scenario.sync()
    assert "" not in started.stages()
    started.finish_with_room()


@pytest.mark.parametrize(
    ("step", "dies_after"),
    [
        # The longer tests try every step and each of the next five.
        pytest.param(
            step, dies_after, marks=() if (step + dies_after) % 17 == 0 else pytest.mark.long
        )
        for step in range(16, _STEPS)
        for dies_after in range(5)
    ],
)
def test_after_a_death_on_a_full_disk_the_next_start_fills_the_blanks_without_writing(
    journey: Callable[..., FullDiskJourney], step: int, dies_after: int
) -> None:
    started = journey(step, dies_after)
    started.scenario.sync()
    started.restart()
    started.recover()
    assert "" not in started.stages()
    started.finish_with_room()


def test_the_steps_reach_beyond_the_end_of_a_sync(
    journey: Callable[..., FullDiskJourney],
) -> None:
    started = journey(10_000)
    assert started.scenario.sync() is not None
    budget = started.scenario.step_budget
    assert isinstance(budget, FillingBudget)
    assert budget.steps < _STEPS
    assert started.stages() == [SQL, SQL, SQL, "customer"]


@pytest.mark.parametrize("moment", KILL_MOMENTS[1:])
@pytest.mark.sqlite
def test_a_killed_process_leaves_blanks_that_the_next_one_fills_on_a_full_disk(
    new_workspace: Callable[..., Workspace], disk: tuple[SmallDisk, bool], moment: str
) -> None:
    small_disk, has_no_reserve = disk
    if isinstance(small_disk, LimitedFiles):
        pytest.skip("a limit of this process is not one of the connector's")
    workspace = new_workspace(new_portal(running=True))
    database = shutil.copy(workspace.folder / "connector.db", small_disk.folder / "connector.db")
    workspace.overrides = {"CONNECTOR_DATABASE_URL": f"sqlite:///{database}"}
    for name in ("anna", "bo", "cleo"):
        contact = create_contact(workspace.portal, name, "customer")
        create_deal(workspace.portal, [OPEN, WON_STAGE, OPEN], contacts=[contact])
    # The first backward move goes alone; the third write clears the two that follow it.
    assert run_and_kill(workspace, 3, moment, route="batch_update")
    assert len(workspace.blank_records()) == 2
    reserve = small_disk.folder / "connector.db.reserve"
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES
    if has_no_reserve:
        reserve.unlink()
    small_disk.fill()
    assert run(workspace, "sync") == (1 if has_no_reserve else 0)
    assert workspace.blank_records() == []
    if has_no_reserve:
        assert "the disk is full" in (workspace.folder / "err").read_text(encoding="utf-8")
    small_disk.free()
    assert run(workspace, "sync") == 0
    assert workspace.open_moves() == ()
    assert len(workspace.applied_values()) == 6
