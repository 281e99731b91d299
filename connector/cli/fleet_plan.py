"""Plan every portal of a fleet: what would be corrected in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connector.cli.plan_output import plan_document
from connector.cli.render import portals as portals_view
from connector.cli.render.console import console, write_json
from connector.cli.setup import REAL_CLOCK, load_shared_settings
from connector.config import settings
from connector.config.open_run import open_context
from connector.config.portal_files import PortalFolder
from connector.errors import ConnectorError, UserError
from connector.plan.propose import propose
from connector.pull.poll import require_mirror
from connector.push.enforce_limits import exceeded_limits
from connector.telemetry import logs


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """How many corrections the plans hold, and whether a portal could not be planned."""

    corrections: int
    has_failed: bool


def show_fleet_plan(policy: str | None, *, as_json: bool) -> FleetPlan:
    """Plan portal after portal, and show a line for each; no mistake of one stops another's."""
    load_shared_settings()
    folder = settings.read_portals()
    if not folder.names:
        raise UserError(
            f"There is no portal file in {folder.path}: `connector portals add NAME` begins one."
        )
    documents = list(_plan_documents(folder, policy))
    if as_json:
        write_json({"portals": documents})
    else:
        console().print(portals_view.plan_table(documents))
    return FleetPlan(
        corrections=sum(document.get("corrections", 0) for document in documents),
        has_failed=any(document["error"] for document in documents),
    )


def _plan_documents(
    folder: PortalFolder, policy: str | None
) -> Iterator[portals_view.PlanDocument]:
    for name in folder.names:
        try:
            yield _plan_document(folder, name, policy)
        except ConnectorError as error:
            yield {"name": name, "error": str(error)}


def _plan_document(
    folder: PortalFolder, name: str, policy: str | None
) -> portals_view.PlanDocument:
    loaded_settings = settings.read(portal=folder.find(name))
    logs.add_secrets(*loaded_settings.secrets)
    with open_context(
        loaded_settings, REAL_CLOCK, policy=policy, creates_database=False
    ) as context:
        require_mirror(context)
        head = propose(context)
        return {
            "name": name,
            "error": None,
            "corrections": head.summary.corrections,
            "over_limits": exceeded_limits(context, head),
            **plan_document(context, head),
        }
