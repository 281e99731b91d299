"""The queue: one waiting job of a portal is enough, and no job of a dead worker is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from connector.errors import TemporaryError
from connector.fleet import worker as fleet_worker
from connector.fleet.queue import (
    CYCLE_TASK,
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


def test_the_tasks_of_a_worker_are_a_cycle_and_one_that_looks_after_the_queue() -> None:
    app = App(connector=InMemoryConnector())
    fleet_worker.add_tasks(app, None, None)  # type: ignore[arg-type]  # nothing is run
    assert {CYCLE_TASK, "keep"} <= set(app.tasks)


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
