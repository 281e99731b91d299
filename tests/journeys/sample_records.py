"""Create the sample records of the journeys: contacts, companies and deals with histories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from connector.sandbox.portal.portal import Portal

OPEN, WON, LOST = "appointmentscheduled", "closedwon", "closedlost"
EBOOK_FORM, DEMO_FORM = "E-bok: Syv grep for bedre drift", "Book en demo: Demoskjema"


def create_company(portal: Portal, name: str, stage: str = "", *, days: float = 30) -> str:
    at = portal.clock.now() - timedelta(days=days)
    return portal.create("companies", {"name": name, "lifecyclestage": stage}, at=at)


def create_contact(
    portal: Portal, mailbox: str, stage: str = "", status: str = "", *, days: float = 30
) -> str:
    properties = {
        "email": f"{mailbox}@fjord.example",
        "lifecyclestage": stage,
        "hs_lead_status": status,
    }
    return portal.create("contacts", properties, at=portal.clock.now() - timedelta(days=days))


def create_deal(
    portal: Portal,
    stages: Sequence[str],
    *,
    contacts: Sequence[str] = (),
    companies: Sequence[str] = (),
) -> str:
    """Create a deal that entered these stages two days apart, the last one two days ago."""
    times = [
        portal.clock.now() - timedelta(days=2 * steps_back)
        for steps_back in range(len(stages), 0, -1)
    ]
    properties = {"dealname": "Solceller", "pipeline": "default", "dealstage": stages[0]}
    deal_id = portal.create("deals", properties, at=times[0])
    for record_id in contacts:
        portal.associate("deals", deal_id, "contacts", record_id, at=times[0])
    for record_id in companies:
        portal.associate("deals", deal_id, "companies", record_id, primary=True, at=times[0])
    for stage, at in zip(stages[1:], times[1:], strict=True):
        portal.edit("deals", deal_id, {"dealstage": stage}, at=at)
    return deal_id


def submit_form(portal: Portal, contact_id: str, form: str) -> None:
    """Let a contact fill in a form now."""
    now = portal.clock.now()
    conversions = int(portal.value("contacts", contact_id, "num_conversion_events") or 0)
    properties = {
        "recent_conversion_event_name": form,
        "recent_conversion_date": now.isoformat(),
        "num_conversion_events": str(conversions + 1),
    }
    portal.edit("contacts", contact_id, properties, source="FORM", source_id="", user_id=None)


def create_mixed_records(portal: Portal) -> dict[str, str]:
    """Create records that need every kind of correction; return the values that they must get.

    Forward moves, backward moves with a lead status, a status alone, companies, and one
    customer who needs none.
    """
    fjord, berg = (
        create_company(portal, "Fjord AS", "customer"),
        create_company(portal, "Berg GmbH", "lead"),
    )
    anna = create_contact(portal, "anna", "customer")
    bjorn = create_contact(portal, "bjorn", "lead")
    carl = create_contact(portal, "carl", "salesqualifiedlead")
    dora = create_contact(portal, "dora", "opportunity", "OPEN_DEAL")
    egil = create_contact(portal, "egil", "customer")
    create_deal(portal, [OPEN, WON, OPEN], contacts=[anna], companies=[fjord])
    create_deal(portal, [OPEN], contacts=[bjorn], companies=[berg])
    create_deal(portal, [OPEN, LOST], contacts=[dora])
    create_deal(portal, [OPEN, WON], contacts=[egil])
    return {
        f"companies/{fjord}.lifecyclestage": "opportunity",
        f"companies/{berg}.lifecyclestage": "opportunity",
        f"contacts/{anna}.lifecyclestage": "opportunity",
        f"contacts/{anna}.hs_lead_status": "OPEN_DEAL",
        f"contacts/{bjorn}.lifecyclestage": "opportunity",
        f"contacts/{bjorn}.hs_lead_status": "OPEN_DEAL",
        f"contacts/{carl}.lifecyclestage": "salesqualifiedlead",
        f"contacts/{carl}.hs_lead_status": "NEW",
        f"contacts/{dora}.lifecyclestage": "salesqualifiedlead",
        f"contacts/{dora}.hs_lead_status": "BAD_TIMING",
        f"contacts/{egil}.lifecyclestage": "customer",
        f"contacts/{egil}.hs_lead_status": "",
    }


def expected_audit(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return what an audit must hold after these values have changed."""
    return sorted(
        (*name.split("."), value)  # type: ignore[misc]  # a name has one dot
        for name, value in after.items()
        if before[name] != value
    )


def create_reopened_customer(portal: Portal, name: str = "anna") -> str:
    """Return a customer whose only deal was won and is open again."""
    customer = create_contact(portal, name, "customer")
    create_deal(portal, [OPEN, WON, OPEN], contacts=[customer])
    return customer
