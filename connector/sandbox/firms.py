"""Found companies, and leave about what nobody tidied: empty firms, stray deals, old records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connector.sandbox.names import firm, person
from connector.sandbox.scene import Pen, Scene, Seat
from connector.sandbox.setting import RENEWALS, SALES, SCORE
from connector.sandbox.situations import SITUATIONS, SQL, Situation
from connector.sandbox.telling import tell
from connector.sandbox.writers import writer

LAST: Final = {"won": "customer", "open": "opportunity", "lost": SQL}


def found(pen: Pen, number: int) -> Seat:
    """Create a company."""
    here = firm(pen.dice, number)
    by = writer(pen.dice, pen.dice.choice(("CRM_UI", "IMPORT", "INTEGRATION", "COMPANIES")))
    card = {
        "name": here.name,
        "domain": here.domain,
        "city": here.town,
        "lifecyclestage": pen.dice.choice(("lead", "lead", "lead", "subscriber")),
    }
    if pen.chance(0.3):
        card[SCORE] = str(pen.dice.randint(0, 90))
    if pen.chance(0.05):
        card["hs_lead_status"] = "OPEN"
    company = pen.portal.create(
        "companies",
        card,
        at=pen.day(pen.dice.uniform(400, 1095)),
        source=by.source,
        source_id=by.source_id,
        user_id=by.user_id,
    )
    return Seat(company=company, firm=here)


def promote(pen: Pen, seat: Seat, roles: Sequence[Situation]) -> None:
    """Write the company's stage that its contacts' deals suggest, or one that lies."""
    stage = pen.dice.choices(
        (_suggested(roles), "", "lead", "opportunity", "customer"), weights=(80, 4, 8, 4, 4)
    )[0]
    if stage == pen.portal.value("companies", seat.company, "lifecyclestage"):
        return
    by = writer(pen.dice, pen.dice.choice(("CRM_UI", "PIPELINE_SETTINGS", "AUTOMATION_PLATFORM")))
    pen.portal.edit(
        "companies",
        seat.company,
        {"lifecyclestage": stage},
        at=pen.day(pen.dice.uniform(1, 390)),
        source=by.source,
        source_id=by.source_id,
        user_id=by.user_id,
    )


def _suggested(roles: Sequence[Situation]) -> str:
    ends = {_end(one) for one in roles}
    return next((stage for end, stage in LAST.items() if end in ends), "lead")


def _end(role: Situation) -> str:
    """Return what became of the contact's first deal in the end."""
    return role.story.rpartition("deal:")[2].partition("+")[0].partition(" ")[0]


def leave_loose_ends(pen: Pen, contacts: int) -> None:
    """Leave companies without contacts, deals without anybody, archived and merged contacts."""
    for number in range(contacts // 60 + 1):
        seat = found(pen, 10**6 + number)
        if number % 4 == 0:
            _stray_deal(pen, seat.company)
    for _ in range(contacts // 300 + 1):
        _stray_deal(pen, "")
    for survivor in pen.dice.sample(pen.idle, len(pen.idle) // 300):
        pen.portal.merge("contacts", survivor, _extra(pen))
    for _ in range(contacts // 200):
        pen.portal.archive("contacts", _extra(pen))


def _extra(pen: Pen) -> str:
    return tell(Scene(pen=pen, situation=SITUATIONS[1], seat=None), person(pen.dice))


def _stray_deal(pen: Pen, company: str) -> None:
    course = pen.dice.choice((SALES, RENEWALS))
    at = pen.day(pen.dice.uniform(2, 900))
    stage = pen.dice.choice((course.won[0], course.lost[0], course.running[0][0]))
    deal = pen.portal.create(
        "deals",
        {"dealname": f"Avtale {at.year}", "pipeline": course.pipeline, "dealstage": stage},
        at=at,
        source="IMPORT",
        source_id="40000000",
    )
    if company:
        pen.portal.associate("deals", deal, "companies", company, primary=True, at=at)
