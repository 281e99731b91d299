"""A dashboard over a sandbox portal, and a real browser that opens it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from connector.app import _daemon_link
from connector.daemon.daemon_settings import read
from connector.telemetry.metrics import Metrics
from connector.web.app import create_app
from connector.web.event_store import EventStore
from connector.web.server import serve_in_thread
from tests.journeys.daemon_runner import DaemonRunner, run_daemon
from tests.journeys.workspace import Workspace

CHROMIUM = shutil.which("chromium")
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None,
    reason="there is no chromium here: nobody has opened the dashboard in a browser "
    "(on Debian: apt-get install chromium)",
)
# Chromium as root, and in containers with little shared memory.
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
# A machine that is busy with other tests takes its time.
TIMEOUT_MS = 60_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a browser; it ends with the module, as its event loop is in the way of others."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class ServedDashboard:
    """A daemon that goes on cycle by cycle, and the address of its dashboard.

    `problems` are what a browser wrote to its console, and the pages that it could not load.
    """

    url: str
    runner: DaemonRunner
    browser: Browser
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def page(self, path: str = "/", **options: object) -> Iterator[Page]:
        """Open a page in a context of its own; `options` are those of Playwright's contexts."""
        context = self.browser.new_context(base_url=self.url, **options)  # type: ignore[arg-type]  # a test names its own
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(path)
        yield page
        context.close()


@contextmanager
def serve_dashboard(
    workspace: Workspace, browser: Browser, **overrides: str
) -> Iterator[ServedDashboard]:
    """Serve the dashboard of a daemon that has polled once, and planned."""
    with run_daemon(workspace, **{"CONNECTOR_WRITES": "review", **overrides}) as runner:
        assert runner.loop.open()
        runner.run_cycle()
        link = _daemon_link(
            runner.loop,
            Metrics(),
            EventStore(lambda events: None),
            read(workspace.environment, folder=workspace.folder),
        )
        with serve_in_thread(
            create_app(replace(link, report_seconds=TIMEOUT_MS / 1000)), "127.0.0.1", 0
        ) as url:
            dashboard = ServedDashboard(url=url, runner=runner, browser=browser)
            yield dashboard
            assert dashboard.problems == []
