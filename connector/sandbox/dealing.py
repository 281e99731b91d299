"""Tell what becomes of a contact's deals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connector.sandbox.scene import Scene
from connector.sandbox.setting import PARTNERS, RECRUITING, RENEWALS, SALES, Course
from connector.sandbox.situations import Moment
from connector.sandbox.writers import writer

SUBJECTS: Final = (
    "Rammeavtale",
    "Pilot",
    "Utvidelse",
    "Wartungsvertrag",
    "Lizenz",
    "Avtal",
    "Deal",
)


def deal(scene: Scene, moment: Moment, at: datetime) -> None:
    """Open, move, close or hand over the deals that play a part in a moment."""
    for which, state in moment.changes:
        if which not in ("deal", "more"):
            continue
        if state == "moved":
            _hand_over(scene, which)
        elif which in scene.deals:
            _move(scene, which, state, at)
        else:
            _open(scene, which, state, at)


def _hand_over(scene: Scene, which: str) -> None:
    portal, (number, _) = scene.pen.portal, scene.deals[which]
    portal.dissociate("deals", number, "contacts", scene.contact)
    if scene.pen.idle:
        portal.associate("deals", number, "contacts", scene.pen.dice.choice(scene.pen.idle))


def _open(scene: Scene, which: str, state: str, at: datetime) -> None:
    dice, course = scene.pen.dice, _course(scene)
    begun = _stage(scene, course, state)
    by = writer(dice, dice.choice(("CRM_UI", "CRM_UI", "INTEGRATION", "IMPORT")))
    number = scene.pen.portal.create(
        "deals",
        _sheet(scene, course, at) | {"dealstage": begun},
        at=at,
        source=by.source,
        source_id=by.source_id,
        user_id=by.user_id,
    )
    scene.deals[which] = (number, course)
    _link(scene, number, at)


def _sheet(scene: Scene, course: Course, at: datetime) -> dict[str, str]:
    dice = scene.pen.dice
    firm = scene.seat.firm.name.strip() if scene.seat else "Privat"
    return {
        "dealname": f"{firm} – {dice.choice(SUBJECTS)} {at.year}",
        "amount": dice.choice(
            (f"{dice.randrange(5, 900) * 1000}", f"{dice.randrange(900, 9000)}.50")
        ),
        "pipeline": course.pipeline,
        "closedate": f"{at + timedelta(days=dice.randrange(20, 120)):%Y-%m-%dT%H:%M:%SZ}",
        "hubspot_owner_id": dice.choice(scene.pen.owners),
    }


def _course(scene: Scene) -> Course:
    if "deal:hired" in scene.situation.story:
        return RECRUITING
    if "deal:between" in scene.situation.story:
        return RENEWALS
    return scene.pen.dice.choices((SALES, RENEWALS, PARTNERS), weights=(80, 14, 6))[0]


def _stage(scene: Scene, course: Course, state: str) -> str:
    if state in ("won", "hired"):
        return course.won[0]
    if state == "lost":
        return course.lost[0]
    if state == "between" and course.between:
        return course.between[0]
    return scene.pen.dice.choice(course.running)[0]


def _move(scene: Scene, which: str, state: str, at: datetime) -> None:
    number, course = scene.deals[which]
    by = writer(scene.pen.dice, scene.pen.dice.choice(("CRM_UI", "CRM_UI", "MOBILE_IOS")))
    written = {"dealstage": _stage(scene, course, state)}
    if state != "open":
        written["closedate"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    scene.pen.portal.edit(
        "deals",
        number,
        written,
        at=at,
        source=by.source,
        source_id=by.source_id,
        user_id=by.user_id,
    )


def _link(scene: Scene, number: str, at: datetime) -> None:
    portal, dice = scene.pen.portal, scene.pen.dice
    portal.associate("deals", number, "contacts", scene.contact, at=at)
    if scene.colleague and dice.random() < scene.together:
        portal.associate("deals", number, "contacts", scene.colleague, at=at)
    if scene.seat:
        company = scene.seat.company
        primary = scene.together == 1.0 or dice.random() < 0.96
        portal.associate("deals", number, "companies", company, primary=primary, at=at)
    if scene.partner and dice.random() < 0.08:
        portal.associate("deals", number, "companies", scene.partner, at=at)
