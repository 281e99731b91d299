"""`connector sandbox` serves a portal until it is stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.journeys import kill_process
from tests.journeys.exit_codes import DONE
from tests.journeys.workspace import Workspace, new_portal


def test_the_sandbox_serves_a_portal_and_ends_well_when_told_to(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    process = kill_process.start(workspace, "sandbox", "--port", "0", "--contacts", "30")
    url = _url_in(workspace.folder / "out")
    workspace.overrides = {"HUBSPOT_API_URL": url, "HUBSPOT_ACCESS_TOKEN": "pat-eu1-sandbox"}
    with workspace.open_context() as context:
        assert context.portal_id == "147893286"
    process.signal(signal.SIGTERM)
    assert process.wait() == DONE


def _url_in(path: Path) -> str:
    for _ in range(2000):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if "HUBSPOT_API_URL=" in text:
            return text.split("HUBSPOT_API_URL=")[1].split()[0]
        time.sleep(0.01)
    raise AssertionError("the sandbox did not start")
