"""Serve an assistant: it may read, and apply what a person has reviewed."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import click

from connector.cli.setup import help_examples
from connector.core.model import Ref
from connector.errors import UserError

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

_INSTRUCTIONS: Final = (
    "Lifecycle stages and lead statuses of one HubSpot portal, as the connector knows them. Ask "
    "`explain` why a record is in its stage. Nothing here writes but `apply_reviewed_plan`, which "
    "takes only plan files that a person has put into the folder of reviewed plans."
)
_MAX_AUDIT_LINES: Final = 500


@click.command(
    epilog=help_examples("connector mcp", "connector mcp --reviewed reviewed-plans"),
)
@click.option(
    "--reviewed",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Plan files in this folder may be applied; without it, nothing is.",
)
def mcp(*, reviewed: Path | None) -> int:
    """Explain, plan and report to an assistant, over the Model Context Protocol (stdio)."""
    build_server(reviewed).run("stdio")
    return 0


def build_server(reviewed: Path | None) -> MCPServer:
    """Return the server with its tools; `reviewed` is the folder of plans that may be applied.

    UserError where the extra `mcp` is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.types import ToolAnnotations
    except ModuleNotFoundError as error:
        raise UserError(
            "`connector mcp` needs the extra `mcp`: pip install 'hubspot-lifecycle-connector[mcp]'"
        ) from error
    server = MCPServer("hubspot-lifecycle-connector", instructions=_INSTRUCTIONS)
    reading = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    for tool in (explain, plan, report, audit, holds):
        server.add_tool(_with_messages(tool), annotations=reading)
    if reviewed is not None:
        apply_tool = _with_messages(_apply_tool(reviewed))
        server.add_tool(apply_tool, annotations=ToolAnnotations(destructive_hint=True))
    return server


async def explain(record: Annotated[str, "contacts/123 or companies/45"]) -> Any:
    """Explain one record: what it is, what it should be, by which rule, on what evidence."""
    return await _run_command("explain", _record_name(record), "--json")


async def plan() -> Any:
    """Say what would be corrected now, with rule, reason and evidence; write nothing."""
    return await _run_command("plan", "--json")


async def report(name: Literal["customers", "overlooked", "writers"]) -> Any:
    """Report current customers, overlooked sales-ready contacts, or who writes the fields."""
    return await _run_command("report", name, "--json")


async def audit(record: Annotated[str, "contacts/123 or companies/45"] = "") -> Any:
    """Return what was written and why: of one record, or the latest of all."""
    options = ("--record", _record_name(record)) if record else ()
    lines = await _run_command("audit", *options, "--json")
    return lines[-_MAX_AUDIT_LINES:]


async def holds() -> Any:
    """Return what is kept from being corrected, by whom, why and until when."""
    return await _run_command("hold", "list", "--json")


def _apply_tool(reviewed: Path) -> Any:
    """Return the tool that applies plan files of one folder, and no others."""

    async def apply_reviewed_plan(file: Annotated[str, "name of a file in the folder"]) -> Any:
        """Apply a plan that a person has reviewed; what no longer holds is skipped and named."""
        path = (reviewed / file).resolve()
        if path.parent != reviewed.resolve() or not path.is_file():
            names = ", ".join(sorted(entry.name for entry in reviewed.glob("*.json"))) or "none"
            raise UserError(f"{file} is no reviewed plan. Reviewed plans: {names}.")
        return await _run_command("apply", str(path), "--json")

    return apply_reviewed_plan


def _with_messages(tool: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return the tool so that the assistant is told our messages, not only that it failed."""
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(tool)
    async def call(*arguments: Any, **options: Any) -> Any:
        try:
            return await tool(*arguments, **options)
        except UserError as error:
            raise ToolError(str(error)) from error

    return call


def _record_name(text: str) -> str:
    """Return a record as commands take it; UserError where it is none."""
    try:
        return str(Ref.parse(text))
    except ValueError as error:
        raise UserError(f"{error}.") from error


async def _run_command(*arguments: str) -> Any:
    """Run one command in a process of its own; return its JSON, a list for JSON lines.

    A process, because a command writes to standard output, on which this server speaks. Raise
    UserError with the command's own message where it failed.
    """
    import anyio

    command = [sys.executable, "-m", "connector", *arguments]
    result = await anyio.run_process(command, check=False)
    output = result.stdout.decode()
    if result.returncode:
        raise UserError(result.stderr.decode().strip() or output.strip())
    lines = output.splitlines()
    try:
        return json.loads(output) if output.strip() else []
    except json.JSONDecodeError:
        return [json.loads(line) for line in lines]
