"""Who plays in the journeys: contacts, companies and deals with a past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from connector.sandbox.portal import Portal

OPEN, WON, LOST = "appointmentscheduled", "closedwon", "closedlost"
EBOOK, DEMO = "E-bok: Syv grep for bedre drift", "Book en demo: Demoskjema"


def company(portal: Portal, name: str, stage: str = "", *, days: float = 30) -> str:
    at = portal.clock.now() - timedelta(days=days)
    return portal.create("companies", {"name": name, "lifecyclestage": stage}, at=at)


def contact(
    portal: Portal, mailbox: str, stage: str = "", status: str = "", *, days: float = 30
) -> str:
    given = {"email": f"{mailbox}@fjord.example", "lifecyclestage": stage, "hs_lead_status": status}
    return portal.create("contacts", given, at=portal.clock.now() - timedelta(days=days))


def deal(
    portal: Portal,
    stages: Sequence[str],
    *,
    contacts: Sequence[str] = (),
    companies: Sequence[str] = (),
) -> str:
    """Create a deal that entered these stages two days apart, the last one two days ago."""
    times = [portal.clock.now() - timedelta(days=2 * ago) for ago in range(len(stages), 0, -1)]
    given = {"dealname": "Solceller", "pipeline": "default", "dealstage": stages[0]}
    made = portal.create("deals", given, at=times[0])
    for one in contacts:
        portal.associate("deals", made, "contacts", one, at=times[0])
    for one in companies:
        portal.associate("deals", made, "companies", one, primary=True, at=times[0])
    for stage, at in zip(stages[1:], times[1:], strict=True):
        portal.edit("deals", made, {"dealstage": stage}, at=at)
    return made


def fill_in(portal: Portal, contact_id: str, form: str) -> None:
    """Let a contact fill in a form now."""
    now = portal.clock.now()
    filled = int(portal.value("contacts", contact_id, "num_conversion_events") or 0)
    given = {
        "recent_conversion_event_name": form,
        "recent_conversion_date": now.isoformat(),
        "num_conversion_events": str(filled + 1),
    }
    portal.edit("contacts", contact_id, given, source="FORM", source_id="", user_id=None)


def mixed(portal: Portal) -> dict[str, str]:
    """Let the portal lie in every way; return the values that each record must end with.

    Forward moves, backward moves with a lead status, a status alone, companies, and one
    customer who is what he should be.
    """
    fjord, berg = company(portal, "Fjord AS", "customer"), company(portal, "Berg GmbH", "lead")
    anna = contact(portal, "anna", "customer")
    bjorn = contact(portal, "bjorn", "lead")
    carl = contact(portal, "carl", "salesqualifiedlead")
    dora = contact(portal, "dora", "opportunity", "OPEN_DEAL")
    egil = contact(portal, "egil", "customer")
    deal(portal, [OPEN, WON, OPEN], contacts=[anna], companies=[fjord])
    deal(portal, [OPEN], contacts=[bjorn], companies=[berg])
    deal(portal, [OPEN, LOST], contacts=[dora])
    deal(portal, [OPEN, WON], contacts=[egil])
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


def changed(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return what an audit must hold after these values have changed."""
    return sorted(
        (*name.split("."), value)  # type: ignore[misc]  # a name has one dot
        for name, value in after.items()
        if before[name] != value
    )


def reopened(portal: Portal) -> str:
    """Return a customer whose only deal was won and is open again."""
    anna = contact(portal, "anna", "customer")
    deal(portal, [OPEN, WON, OPEN], contacts=[anna])
    return anna
