"""Address a record in HubSpot's user interface."""

from __future__ import annotations

from typing import Final

from connector.core.model import ObjectType, Ref

_TYPE_IDS: Final = {
    ObjectType.CONTACTS: "0-1",
    ObjectType.COMPANIES: "0-2",
    ObjectType.DEALS: "0-3",
    ObjectType.LEADS: "0-136",
}


def record_address(portal_id: str, ref: Ref, *, domain: str = "app.hubspot.com") -> str:
    """Return the address of a record's page; from its own domain HubSpot leads on to the region's.

    Source: https://knowledge.hubspot.com/records/view-and-customize-record-overviews

    >>> record_address("4711", Ref.parse("companies/45"))
    'https://app.hubspot.com/contacts/4711/record/0-2/45'
    """
    return f"https://{domain}/contacts/{portal_id}/record/{_TYPE_IDS[ref.object_type]}/{ref.id}"
