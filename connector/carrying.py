"""Know whether HubSpot carries a company's stage on to its contacts, before many are carried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import structlog

from connector.core.model import STAGE, Correction, Direction, ObjectType, Ref
from connector.core.moves import Move
from connector.desk import Desk
from connector.readings import read
from state import checkpoints, mirror

_NAME = "native-company-sync"
# So many companies whose contacts stayed as they were let the rest through.
_ENOUGH = 3
_log = structlog.get_logger()


class Native(StrEnum):
    """Whether HubSpot's own sync of companies to contacts is on, as far as is known."""

    UNKNOWN = "unknown"
    ON = "on"
    OFF = "off"


def native(desk: Desk) -> Native:
    """Return what the policy says, or where it says nothing, what was learnt."""
    said = Native(desk.policy.policy.texts("company_sync.native")[0])
    return said if said is not Native.UNKNOWN else Native(_learnt(desk)["is"])


def waits(desk: Desk) -> bool:
    """Whether companies with contacts behind them wait for the operator's permission."""
    return native(desk) is Native.ON and not desk.permitted


def told(desk: Desk, company: Ref, contacts: int) -> str:
    """Return what becomes of a company's move that HubSpot may carry on to its contacts."""
    match native(desk):
        case Native.ON:
            return (
                f"HubSpot's own company sync would carry {contacts:,} contacts of {company} along: "
                "it waits until `connector plan --out plan.json` is reviewed and applied."
            )
        case Native.UNKNOWN:
            return (
                f"Nobody knows yet whether HubSpot's own company sync would carry {contacts:,} "
                f"contacts of {company} along: it is tried alone, and its contacts are read again."
            )
        case Native.OFF:
            return ""


def carried(desk: Desk, stages: Sequence[Correction]) -> dict[Ref, tuple[Ref, ...]]:
    """Return, for each forward company move, the contacts that HubSpot's sync would carry."""
    moves = {
        one.record: one
        for one in stages
        if one.property_name == STAGE
        and one.direction is Direction.FORWARD
        and one.record.object_type is ObjectType.COMPANIES
    }
    if not moves:
        return {}
    with desk.store.reading() as session:
        staff = mirror.of_company(session, desk.portal_id, list(moves))
        everyone = mirror.get(
            session, desk.portal_id, [one for each in staff.values() for one in each]
        )
    order = desk.policy.sides[ObjectType.CONTACTS].order
    behind = {
        company: tuple(
            one
            for one in contacts
            if order.get(everyone[one].value(STAGE), -1) < order.get(moves[company].after, -1)
        )
        for company, contacts in staff.items()
    }
    return {company: contacts for company, contacts in behind.items() if contacts}


def stages_of(desk: Desk, contacts: Sequence[Ref]) -> dict[Ref, str]:
    """Read the stages that contacts have now."""
    return {ref: record.value(STAGE) for ref, record in read(desk, contacts).items()}


def learn(desk: Desk, move: Move, before: Mapping[Ref, str]) -> None:
    """Compare a company's contacts with what they were before its move, and remember the answer."""
    stage = move.wanted[STAGE]
    desk.wait(desk.rechecks[0] if desk.rechecks else 0.0)
    after = read(desk, list(before))
    moved = [ref for ref, one in after.items() if one.value(STAGE) == stage != before.get(ref)]
    probes = int(_learnt(desk)["probes"]) + 1
    known = Native.ON if moved else (Native.OFF if probes >= _ENOUGH else Native.UNKNOWN)
    now = desk.door.now()
    with desk.store.begin() as session:
        checkpoints.put(session, desk.portal_id, _NAME, {"is": str(known), "probes": probes})
        mirror.patch(session, desk.portal_id, list(after.values()), due_at=now)
    _log.info(
        "company_sync.probed",
        portal=desk.portal_id,
        company=str(move.record),
        contacts=len(before),
        moved=len(moved),
        native=str(known),
    )


def _learnt(desk: Desk) -> Mapping[str, Any]:
    with desk.store.reading() as session:
        found = checkpoints.get(session, desk.portal_id, _NAME)
    return dict(found) if found else {"is": "unknown", "probes": 0}
