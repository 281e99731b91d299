"""The web application: its paths, and what each of them answers."""

from __future__ import annotations

from fastapi import FastAPI, Response
from starlette.concurrency import run_in_threadpool

from connector.web.daemon_link import DaemonLink
from connector.web.dashboard.access import DashboardAccess
from connector.web.dashboard.routes import Dashboard
from connector.web.webhooks import PATH, Webhooks

_METRICS = "text/plain; version=0.0.4; charset=utf-8"


def create_app(daemon_link: DaemonLink) -> FastAPI:
    """Return the application; it serves no documentation of its API."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.get("/healthz")
    async def alive() -> Response:
        """Answer that the process lives."""
        return Response("alive\n", media_type="text/plain")

    @app.get("/readyz")
    async def ready() -> Response:
        """Answer 200 where the daemon works, else 503 with one problem a line."""
        problems = await run_in_threadpool(daemon_link.problems)
        lines = "".join(f"{problem}\n" for problem in problems) or "ready\n"
        return Response(lines, status_code=503 if problems else 200, media_type="text/plain")

    @app.get("/metrics")
    async def metrics() -> Response:
        """Answer the metrics in Prometheus' text format."""
        return Response(await run_in_threadpool(daemon_link.metrics), media_type=_METRICS)

    access = DashboardAccess(
        password_hash=daemon_link.password_hash,
        is_loopback=daemon_link.is_loopback,
        monotonic=daemon_link.monotonic,
    )
    Dashboard(daemon_link.dashboard_source, access).add_to(app)
    app.add_api_route(PATH, Webhooks(daemon_link).receive, methods=["POST"])
    return app
