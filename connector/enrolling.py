"""Tell which active workflows enrol on what we write, as far as the token may read them."""

from __future__ import annotations

from connector.core.model import STAGE, STATUS, Workflow
from connector.desk import Desk
from connector.errors import ConnectorError


def enrolling(desk: Desk) -> tuple[Workflow, ...] | None:
    """Return the active workflows that enrol on stage or lead status; None: it is not known.

    The scope `automation` is needed, which nothing else asks for; without it, or while the
    workflows cannot be read, a plan is as good as ever.
    """
    try:
        found = desk.door.workflows()
    except ConnectorError:
        return None
    return tuple(one for one in found if one.enrols_on & {STAGE, STATUS})
