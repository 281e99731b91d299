"""The open portal as the dashboard reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connector.context import DecisionContext
from connector.core.binding.bound_policy import BoundPolicy
from connector.core.model import STAGE, STATUS, ObjectType, Portal
from connector.core.policy.load import Policy
from connector.reports.offline import OfflineHubSpot, OfflineInputs, offline_context_for_bound
from connector.telemetry.metrics import Status
from state.db.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSource:
    """One portal at one moment; pages read its store and send no request to HubSpot.

    `with_own_settings` adds the settings of this portal to a policy, as the daemon does.
    `writes` is what CONNECTOR_WRITES says. `warnings` are what `/readyz` says is wrong, a mistake
    in the policy with its line and column among them. `want_plan` lets the daemon decide at once.
    """

    store: Store
    portal: Portal
    policy: BoundPolicy
    now: datetime
    status: Status
    writes: str
    warnings: tuple[str, ...] = ()
    want_plan: Callable[[], None] = lambda: None
    with_own_settings: Callable[[Policy], Policy] = lambda policy: policy

    @property
    def portal_id(self) -> str:
        """Return the portal's id."""
        return self.portal.account.portal_id

    def context(self) -> DecisionContext:
        """Return a context that decides on the mirror; UserError where nothing is mirrored."""
        inputs = OfflineInputs(store=self.store, portal=self.portal, api=OfflineHubSpot(self.now))
        return offline_context_for_bound(inputs, self.policy)

    def labels(self) -> dict[str, str]:
        """Return the portal's own words for its stages and lead statuses, by value."""
        options = [
            *self.portal.options(ObjectType.COMPANIES, STAGE),
            *self.portal.options(ObjectType.CONTACTS, STAGE),
            *self.portal.options(ObjectType.CONTACTS, STATUS),
        ]
        return {option.value: option.label for option in options}
