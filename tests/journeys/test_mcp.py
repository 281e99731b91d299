"""An assistant over the Model Context Protocol: it reads, and applies what a person reviewed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from connector.cli import mcp as mcp_command
from connector.cli.main import run_command
from connector.errors import UserError
from tests.journeys.sample_records import create_reopened_customer
from tests.journeys.workspace import Workspace

CUSTOMER, OPPORTUNITY = "customer", "opportunity"
READING_TOOLS = {"explain", "plan", "report", "audit", "holds"}


@pytest.fixture
def anna(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a customer whose deal was reopened, mirrored; commands run in the workspace."""
    contact = create_reopened_customer(workspace.portal)
    monkeypatch.chdir(workspace.folder)
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    assert run_command(["pull", "--json"]) == 0
    return f"contacts/{contact}"


def call(tool: str, reviewed: Path | None = None, **arguments: Any) -> tuple[bool, Any]:
    """Call one tool as a client does; return whether it failed, and what it answered."""
    from mcp import Client

    async def ask() -> tuple[bool, Any]:
        async with Client(mcp_command.build_server(reviewed)) as client:
            result = await client.call_tool(tool, arguments)
            text = "".join(getattr(part, "text", "") for part in result.content)
            return bool(result.is_error), text

    return asyncio.run(ask())


def tool_names(reviewed: Path | None) -> set[str]:
    from mcp import Client

    async def ask() -> set[str]:
        async with Client(mcp_command.build_server(reviewed)) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    return asyncio.run(ask())


def test_nothing_can_be_written_unless_a_folder_of_reviewed_plans_is_named(tmp_path: Path) -> None:
    assert tool_names(None) == READING_TOOLS
    assert tool_names(tmp_path) == READING_TOOLS | {"apply_reviewed_plan"}


def test_it_explains_a_record_and_what_would_be_corrected(workspace: Workspace, anna: str) -> None:
    failed, text = call("explain", record=anna)
    assert (failed, "reopened" in text) == (False, True)
    failed, text = call("plan")
    assert (failed, '"corrections"' in text, OPPORTUNITY in text) == (False, True, True)
    assert workspace.sandbox.write_requests() == []


def test_it_answers_a_wrong_record_with_what_would_be_right(anna: str) -> None:
    failed, text = call("explain", record="--policy")
    assert failed
    assert "write contacts/123" in text


def test_a_command_that_fails_tells_its_message(
    workspace: Workspace, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTOR_POLICY", "no-such-policy")
    failed, text = call("plan")
    assert failed
    assert "There is no policy 'no-such-policy'" in text
    assert "Traceback" not in text


def test_only_a_plan_that_lies_in_the_folder_is_applied(workspace: Workspace, anna: str) -> None:
    reviewed = workspace.folder / "reviewed"
    reviewed.mkdir()
    assert run_command(["plan", "--out", "elsewhere.json"]) == 0
    assert run_command(["plan", "--out", "reviewed/ours.json"]) == 0
    failed, text = call("apply_reviewed_plan", reviewed, file="../elsewhere.json")
    assert (failed, "Reviewed plans: ours.json" in text) == (True, True)
    assert workspace.value(f"{anna}.lifecyclestage") == CUSTOMER
    failed, text = call("apply_reviewed_plan", reviewed, file="ours.json")
    assert not failed, text
    assert workspace.value(f"{anna}.lifecyclestage") == OPPORTUNITY
    failed, text = call("audit", record=anna)
    assert (failed, '"applied"' in text) == (False, True)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    with pytest.raises(UserError, match=r"pip install 'hubspot-lifecycle-connector\[mcp\]'"):
        mcp_command.build_server(None)
