"""The web application: its paths, and what each of them answers."""

from __future__ import annotations

from fastapi import FastAPI, Response
from starlette.concurrency import run_in_threadpool

from connector.web.daemon_link import DaemonLink
from connector.web.dashboard.access import DashboardAccess
from connector.web.dashboard.counted_reports import CountedReports
from connector.web.dashboard.form_tokens import FormTokens
from connector.web.dashboard.routes import Dashboard
from connector.web.webhooks import PATH, Webhooks

_READING = ["GET", "HEAD"]
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


def create_app(daemon_link: DaemonLink) -> FastAPI:
    """Return the application; it serves no documentation of its API."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.api_route("/healthz", methods=_READING)
    async def alive() -> Response:
        """Answer that the process lives."""
        return Response("alive\n", media_type="text/plain")

    @app.api_route("/readyz", methods=_READING)
    async def ready(strict: str = "") -> Response:
        """Answer 200 where the daemon takes webhooks and polls, else 503; one line for each thing.

        `strict=1` answers 503 for whatever fails, such as a mistake in the policy.
        """
        problems, failures, remarks = [
            await run_in_threadpool(read)
            for read in (daemon_link.problems, daemon_link.failures, daemon_link.remarks)
        ]
        is_ready = not problems and not (strict == "1" and failures)
        lines = [*(["ready"] if is_ready else []), *problems, *failures, *remarks]
        text = "".join(f"{line}\n" for line in lines)
        return Response(text, status_code=200 if is_ready else 503, media_type="text/plain")

    @app.api_route("/metrics", methods=_READING)
    async def metrics() -> Response:
        """Answer the metrics in Prometheus' text format."""
        return Response(await run_in_threadpool(daemon_link.metrics), media_type=_METRICS)

    access = DashboardAccess(daemon_link.dashboard_access, daemon_link.monotonic)
    tokens = FormTokens(daemon_link.monotonic)
    reports = CountedReports(daemon_link.monotonic, patience=daemon_link.report_seconds)
    Dashboard(daemon_link.dashboard_source, access, tokens, reports).add_to(app)
    app.add_api_route(PATH, Webhooks(daemon_link).receive, methods=["POST"])
    return app
