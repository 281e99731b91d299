"""Tell one contact's story to a portal: how the record came and what happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from connector.sandbox.dealing import deal
from connector.sandbox.names import MAILBOXES, OWN_DOMAIN, SUPPLIERS, Person
from connector.sandbox.scene import Pen, Scene
from connector.sandbox.setting import SCORE
from connector.sandbox.situations import Moment, Situation, moments
from connector.sandbox.writers import Writer, usual, writer

FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "ebook": (
        "E-bok: Syv grep for bedre drift: Last ned",
        "Whitepaper Netzanschluss: Download",
        "Ladda ner guiden: Nedladdning",
        "Guide: Solceller på næringsbygg",
    ),
    "webinar": ("Webinar høst: Påmelding", "Webinar Netzentgelte: Anmeldung"),
    "newsletter": ("Newsletter Anmeldung", "Nyhetsbrev: Påmelding", "Nyhedsbrev"),
    "demo": (
        "Demo buchen: Demo-Formular",
        "Book en demo: Demoskjema",
        "Boka en demo",
        "Varaa demo: Demo-lomake",
    ),
    "contact": ("Contact sales: Contact us", "Contact Sales: Kontaktformular"),
}
SELLERS_WORDS: Final = (
    *("CONNECTED", "CONNECTED", "ATTEMPTED_TO_CONTACT", "ATTEMPTED_TO_CONTACT"),
    *("IN_PROGRESS", "OPEN", "BAD_TIMING", "UNQUALIFIED"),
)


def tell(scene: Scene, who: Person) -> str:
    """Write the contact with all that happened to it; return its id."""
    story = moments(scene.situation.story)
    times = _times(scene.pen, scene.situation, story)
    _begin(scene, who, story[0], times[0])
    for moment, at in zip(story, times, strict=True):
        deal(scene, moment, at)
        if moment is not story[0]:
            _edit(scene, moment, at + timedelta(seconds=scene.pen.dice.randrange(1, 90)))
    if not scene.situation.has_deal:
        scene.pen.idle.append(scene.contact)
    return scene.contact


def _times(pen: Pen, situation: Situation, story: Sequence[Moment]) -> list[datetime]:
    last = pen.dice.uniform(*situation.days)
    first = min(last + pen.dice.uniform(2, 420), 1095)
    between = (pen.dice.uniform(last, first) for _ in story[2:])
    ends = [first, last] if len(story) > 1 else [last]
    times = sorted(map(pen.day, (*ends, *between)))
    if story[0].writer == "IMPORT":
        times[0] = max((one for one in pen.imports if one < times[0]), default=times[0])
    return times


def _begin(scene: Scene, who: Person, moment: Moment, at: datetime) -> None:
    by = _writer(scene, moment)
    scene.contact = scene.pen.portal.create(
        "contacts",
        _card(scene, who) | _written(scene, moment, at),
        at=at,
        source=by.source,
        source_id=by.source_id,
        user_id=by.user_id,
    )
    _employ(scene, at)


def _employ(scene: Scene, at: datetime) -> None:
    portal, contact = scene.pen.portal, scene.contact
    if scene.seat:
        company = scene.seat.company
        portal.associate("contacts", contact, "companies", company, primary=True, at=at)
    if scene.partner and scene.pen.chance(0.05):
        portal.associate("contacts", contact, "companies", scene.partner, at=at)


def _edit(scene: Scene, moment: Moment, at: datetime) -> None:
    written = _written(scene, moment, at)
    if written:
        by = _writer(scene, moment)
        scene.pen.portal.edit(
            "contacts",
            scene.contact,
            written,
            at=at,
            source=by.source,
            source_id=by.source_id,
            user_id=by.user_id,
        )


def _card(scene: Scene, who: Person) -> dict[str, str]:
    dice = scene.pen.dice
    card = {"firstname": who.first, "lastname": who.last, "email": _address(scene, who)}
    if scene.seat:
        card |= {"company": scene.seat.firm.name.strip(), "jobtitle": who.title}
    if dice.random() < 0.05:
        card |= dice.choice(
            ({"firstname": ""}, {"lastname": ""}, {"firstname": "", "lastname": ""})
        )
    if dice.random() < 0.6:
        card["hubspot_owner_id"] = dice.choice(scene.pen.owners)
    if scene.situation.score or dice.random() < 0.4:
        low, high = scene.situation.score or (0, 14)
        score = dice.randint(low, high)
        card[SCORE] = dice.choice((f"{score}", f"{score}", f"{score}", f"{score}.0", f"{score}.5"))
    return {name: value for name, value in card.items() if value}


def _address(scene: Scene, who: Person) -> str:
    if scene.pen.dice.random() < 0.02:
        return ""
    domain, number = _domain(scene), 1
    address = f"{who.mailbox}@{domain}"
    while address in scene.pen.taken:
        number += 1
        address = f"{who.mailbox}{number}@{domain}"
    scene.pen.taken.add(address)
    return address


def _domain(scene: Scene) -> str:
    if scene.situation.mail == "staff":
        return OWN_DOMAIN
    if scene.situation.mail == "supplier":
        return scene.pen.dice.choice(SUPPLIERS)
    if scene.seat and scene.pen.dice.random() < 0.95:
        return scene.seat.firm.domain
    return scene.pen.dice.choice(MAILBOXES)


def _written(scene: Scene, moment: Moment, at: datetime) -> dict[str, str]:
    written: dict[str, str] = {}
    for what, value in moment.changes:
        if what == "form":
            written |= _conversion(scene, value, at)
        elif what == "stage":
            written["lifecyclestage"] = value
        elif what == "status":
            word = scene.pen.dice.choice(SELLERS_WORDS) if value == "*" else value
            written["hs_lead_status"] = word
    return written


def _conversion(scene: Scene, form: str, at: datetime) -> dict[str, str]:
    scene.conversions += 1
    name = scene.pen.dice.choice(FORMS[form])
    stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    first = {"first_conversion_event_name": name, "first_conversion_date": stamp}
    return (first if scene.conversions == 1 else {}) | {
        "recent_conversion_event_name": name,
        "recent_conversion_date": stamp,
        "num_conversion_events": str(scene.conversions),
    }


def _writer(scene: Scene, moment: Moment) -> Writer:
    source = moment.writer or usual(scene.pen.dice, {what for what, _ in moment.changes})
    return writer(scene.pen.dice, source)
