"""Find the active workflows that enrol on the properties that we write, if the token permits."""

from __future__ import annotations

from connector.context import RunContext
from connector.core.model import STAGE, STATUS, Workflow
from connector.errors import ConnectorError


def enrolling_workflows(context: RunContext) -> tuple[Workflow, ...] | None:
    """Return the active workflows that enrol on stage or lead status; None: it is not known.

    The scope `automation` is needed, which nothing else asks for; without it, or while the
    workflows cannot be read, a plan is as good as ever.
    """
    try:
        workflows = context.api.workflows().workflows
    except ConnectorError:
        return None
    return tuple(
        workflow for workflow in workflows if workflow.enrollment_properties & {STAGE, STATUS}
    )
