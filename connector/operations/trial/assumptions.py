"""The one table of assumptions about HubSpot: what is tried, and what is done under each answer."""

from __future__ import annotations

from typing import Final

from connector.operations.trial.assumption import Assumption
from connector.operations.trial.link_assumptions import LINK_ASSUMPTIONS
from connector.operations.trial.read_assumptions import READ_ASSUMPTIONS
from connector.operations.trial.write_assumptions import WRITE_ASSUMPTIONS

ASSUMPTIONS: Final[dict[str, Assumption]] = {
    assumption.name: assumption
    for assumption in (*WRITE_ASSUMPTIONS, *READ_ASSUMPTIONS, *LINK_ASSUMPTIONS)
}
