"""The queue: one waiting job of a portal is enough, and no job of a dead worker is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.testing import InMemoryConnector

from connector.config.portal_files import PortalFile, PortalFolder
from connector.errors import TemporaryError
from connector.fleet import worker as fleet_worker
from connector.fleet.portal_work import CycleEnd
from connector.fleet.queue import (
    CYCLE_QUEUE,
    CYCLE_TASK,
    KEEP_QUEUE,
    OwnJobs,
    defer_cycle,
    defer_missing_cycles,
    make_tables,
    new_app,
    retry_stalled_jobs,
)
from state.db.addresses import driver_url
from tests.databases import PostgresqlServer


@pytest.fixture
def app() -> App:
    queue_app = App(connector=InMemoryConnector())

    @queue_app.task(name=CYCLE_TASK)
    async def cycle(portal: str) -> None:
        """Do nothing."""

    return queue_app


def jobs(app: App) -> dict[int, Any]:
    return app.connector.jobs  # type: ignore[attr-defined,no-any-return]  # of the connector in memory


def test_a_thousand_reasons_make_one_job_and_a_reason_during_the_job_makes_another(
    app: App,
) -> None:
    async def defer() -> None:
        async with app.open_async():
            for _ in range(1000):
                await defer_cycle(app, "acme")
            await defer_cycle(app, "bolt")
            (job,) = [job for job in jobs(app).values() if job["args"]["portal"] == "acme"]
            job["status"] = "doing"
            for _ in range(1000):
                await defer_cycle(app, "acme", seconds=60)

    asyncio.run(defer())
    by_portal = sorted((job["args"]["portal"], job["status"]) for job in jobs(app).values())
    assert by_portal == [("acme", "doing"), ("acme", "todo"), ("bolt", "todo")]
    assert {job["lock"] for job in jobs(app).values()} == {"portal acme", "portal bolt"}


def test_only_portals_without_a_job_get_one(app: App) -> None:
    async def defer() -> None:
        async with app.open_async():
            await defer_cycle(app, "waits", seconds=60)
            await defer_cycle(app, "runs")
            next(job for job in jobs(app).values() if job["lock"] == "portal runs")["status"] = (
                "doing"
            )
            await defer_missing_cycles(app, ["waits", "runs", "new"])

    asyncio.run(defer())
    assert sorted(job["args"]["portal"] for job in jobs(app).values()) == ["new", "runs", "waits"]


def test_the_job_of_a_dead_worker_waits_again(app: App) -> None:
    async def defer() -> int:
        async with app.open_async():
            await defer_cycle(app, "acme")
            next(iter(jobs(app).values())).update(status="doing", worker_id=None)
            return await retry_stalled_jobs(app)

    assert asyncio.run(defer()) == 1
    assert [job["status"] for job in jobs(app).values()] == ["todo"]


def test_a_job_whose_end_was_never_written_down_waits_again_at_its_second_sight(app: App) -> None:
    async def count_retried() -> list[int]:
        async with app.open_async():
            own_jobs = OwnJobs()
            for portal in ("acme", "bolt", "elsewhere"):
                await defer_cycle(app, portal)
            for job_id, row in jobs(app).items():
                row.update(status="doing", worker_id=7 if job_id < 3 else 8)
            acme, bolt, _ = await app.job_manager.list_jobs_async()
            with own_jobs.running(acme):
                pass
            with own_jobs.running(bolt):
                return [await own_jobs.retry_lost(app) for _ in range(3)]

    assert asyncio.run(count_retried()) == [0, 1, 0]
    by_portal = {row["args"]["portal"]: row["status"] for row in jobs(app).values()}
    assert by_portal == {"acme": "todo", "bolt": "doing", "elsewhere": "doing"}


def test_a_database_that_went_away_ends_no_worker() -> None:
    ends: list[int] = []

    async def work() -> None:
        ends.append(len(ends))
        if len(ends) == 4:
            raise ZeroDivisionError
        if len(ends) > 1:
            raise psycopg.OperationalError if len(ends) == 2 else ConnectorException

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fleet_worker.run_again(work, 0))
    assert ends == [0, 1, 2, 3]


class FakePortals:
    """Portals whose cycles hold every place until they may end."""

    def __init__(self) -> None:
        self.names = ["acme"]
        self.cycles: list[str] = []
        self.may_end = Event()

    def read_folder(self) -> PortalFolder:
        file = PortalFile(name="acme", path=Path("acme.toml"), portal_id="42", values={}, lines={})
        return PortalFolder(path=Path(), portals=dict.fromkeys(self.names, file), problems={})

    def run_cycle(self, name: str) -> CycleEnd:
        self.cycles.append(name)
        assert self.may_end.wait(60)
        return CycleEnd(next_in_seconds=0)

    def request_stop(self) -> None:
        self.may_end.set()


async def _wait_until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.05)


def test_portals_are_looked_after_while_all_places_are_taken_and_their_connections_break(
    postgresql_server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_worker, "_LOST_SECONDS", 0.2)
    url = postgresql_server.create_database(migrated=False)
    make_tables(url)
    portals = FakePortals()

    def waiting() -> list[tuple[str]]:
        query = "SELECT args->>'portal' FROM procrastinate_jobs WHERE status = 'todo'"
        with psycopg.connect(driver_url(url)) as connection:
            return connection.execute(f"{query} AND task_name = 'cycle'").fetchall()

    def break_connections() -> None:
        with psycopg.connect(driver_url(url)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    async def work() -> None:
        worker = asyncio.create_task(
            fleet_worker.work_until_stopped(new_app(url), portals, 1)  # type: ignore[arg-type]  # a fake
        )
        await _wait_until(lambda: portals.cycles)
        portals.names.append("bolt")
        await _wait_until(lambda: ("bolt",) in waiting())  # while acme has the only place
        break_connections()
        portals.may_end.set()
        await _wait_until(lambda: {"acme", "bolt"} <= set(portals.cycles[1:]))
        worker.cancel()
        await worker

    asyncio.run(asyncio.wait_for(work(), 100))


def test_looking_after_the_queue_has_a_queue_of_its_own() -> None:
    app = App(connector=InMemoryConnector())
    fleet_worker.add_tasks(app, None, None, OwnJobs())  # type: ignore[arg-type]  # nothing is run
    queues = {name: app.tasks[name].queue for name in (CYCLE_TASK, "keep")}
    assert queues == {CYCLE_TASK: CYCLE_QUEUE, "keep": KEEP_QUEUE}
    assert len(set(queues.values())) == 2


def test_the_tables_of_the_queue_are_made_once(postgresql_server: PostgresqlServer) -> None:
    url = postgresql_server.create_database(migrated=False)
    make_tables(url)
    make_tables(url)
    queue_app = new_app(url)

    async def defer() -> None:
        async with queue_app.open_async():
            await defer_cycle(queue_app, "acme")
            await defer_cycle(queue_app, "acme")

    asyncio.run(defer())
    with psycopg.connect(driver_url(url)) as connection:
        rows = connection.execute("SELECT lock, status FROM procrastinate_jobs").fetchall()
    assert rows == [("portal acme", "todo")]


def test_a_database_that_does_not_answer_is_waited_for() -> None:
    with pytest.raises(TemporaryError, match="does not answer") as refused:
        make_tables("postgresql+psycopg://crm:secret@127.0.0.1:1/connector")
    assert "secret" not in str(refused.value)
