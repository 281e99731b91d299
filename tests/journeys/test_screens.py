"""Each screen fits a terminal of any width, and folds no id; a pipe has no colours."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from io import StringIO

import pytest
from rich.cells import cell_len

from connector.cli import main
from connector.sandbox.world.fill import fill
from tests.journeys.command_line import RunConnector
from tests.journeys.workspace import Workspace

WIDTHS = (60, 80, 120, 200)
SCREENS = (
    "check",
    "plan",
    "explain contacts/123",
    "explain contacts/123 --verbose",
    "hold list",
    "audit --limit 20",
    "runs",
    "quarantine list",
    "report customers",
    "report overlooked",
    "report hygiene",
    "report funnel",
    "report writers",
)
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\]8;[^\x1b]*\x1b\\)")
COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-9]")
IDS = re.compile(r"\b(?:contacts|companies|deals)/\d+\b|\b\d{8}T\d{6}-[0-9a-f]{4}\b")


LINKS = re.compile(r"\x1b\]8;[^;]*;(https://[^\x1b]+)\x1b\\")


class Terminal(StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command on a terminal of some width, and return what it shows."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(line: str, width: int) -> str:
        terminal = Terminal()
        monkeypatch.setenv("COLUMNS", str(width))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            main.run_command(line.split())
        return terminal.getvalue()

    return run


@pytest.fixture
def prepared(workspace: Workspace, run_connector: RunConnector) -> Workspace:
    """Return a portal with something to see on every screen."""
    fill(workspace.portal, contacts=60)
    now = workspace.portal.clock.now()
    workspace.portal.create("contacts", {"lifecyclestage": "lead"}, id=123, at=now)
    for line in ("sync --no-limits", "hold add contacts/123 --reason his-manager-decides"):
        assert run_connector(*line.split()).code == 0, line
    for number in range(3):
        contact_id = workspace.portal.create("contacts", {"email": f"new{number}@x.example"})
        workspace.portal.edit("contacts", contact_id, {"lifecyclestage": "subscriber"})
    workspace.portal.clock.advance(86_400)
    run_connector("pull")
    return workspace


def test_no_line_is_wider_than_the_terminal_and_no_id_is_folded(
    prepared: Workspace, run_connector: RunConnector, show: Callable[..., str]
) -> None:
    for screen in SCREENS:
        piped = run_connector(*screen.split()).out
        assert "\x1b" not in piped, screen
        whole_ids = set(IDS.findall(piped))
        for width in WIDTHS:
            text = ESCAPES.sub("", show(screen, width))
            assert text.strip(), screen
            lines = text.splitlines()
            assert [line for line in lines if cell_len(line.rstrip()) > width] == [], screen
            assert set(IDS.findall(text)) <= whole_ids, f"{screen} at {width}"


def test_no_color_leaves_the_words(
    prepared: Workspace, show: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any(COLOURS.search(show(screen, 120)) for screen in ("explain contacts/123", "check"))
    monkeypatch.setenv("NO_COLOR", "1")
    for screen in SCREENS:
        assert not COLOURS.search(show(screen, 120)), screen


def test_records_lead_to_hubspot_in_a_terminal_and_nowhere_else(
    prepared: Workspace,
    run_connector: RunConnector,
    show: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = f"https://app.hubspot.com/contacts/{prepared.portal.portal_id}/record/0-"
    screens = ("plan", "hold list", "explain contacts/123", "audit", "report customers")
    prepared.portal.create("contacts", {"email": "blank@x.example"})
    prepared.portal.clock.advance(3600)
    run_connector("pull")
    # Row by row on a narrow terminal, in columns on a wide one.
    for screen, width in ((screen, width) for screen in screens for width in (60, 200)):
        links = LINKS.findall(show(screen, width))
        assert links, (screen, width)
        assert all(link.startswith(address) for link in links), (screen, width)
    for screen in screens:
        assert "\x1b" not in run_connector(*screen.split()).out, screen
    monkeypatch.setenv("NO_COLOR", "1")
    assert LINKS.search(show("hold list", 120))
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in show("hold list", 120)
