"""What the tests of polls read of the mirror."""

from __future__ import annotations

from connector.hubspot.http.failures import Unavailable
from state import associations
from tests.fakes.connected_portal import (
    ConnectedPortal,
)

UNAVAILABLE = Unavailable("HubSpot failed: try later")


def linked_deal_ids(portal: ConnectedPortal, ref: object) -> list[str]:
    with portal.store.reading("1") as session:
        links_by_ref = associations.read_to_deals(session, [ref])  # type: ignore[list-item]  # a ref
    return [link.target.id for links in links_by_ref.values() for link in links]
