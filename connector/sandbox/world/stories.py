"""Write one contact's story into a portal: how the record was created, and what changed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from connector.sandbox.world.deals import apply_deal_changes
from connector.sandbox.world.names import FREE_MAIL_DOMAINS, OWN_DOMAIN, SUPPLIER_DOMAINS, Person
from connector.sandbox.world.scene import ContactStory, World
from connector.sandbox.world.setup import SCORE_PROPERTY
from connector.sandbox.world.situations import Moment, Situation, parse_script
from connector.sandbox.world.writers import Writer, choose_writer, usual_source

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
    "demographics": ("Webinar: Demographics of the Nordic power market",),
    "contact": ("Contact sales: Contact us", "Contact Sales: Kontaktformular"),
}
SELLER_STATUSES: Final = (
    *("CONNECTED", "CONNECTED", "ATTEMPTED_TO_CONTACT", "ATTEMPTED_TO_CONTACT"),
    *("IN_PROGRESS", "OPEN", "BAD_TIMING", "UNQUALIFIED"),
)
# What a script may leave to chance: any status of a seller, or one that is no verdict.
STATUS_CHOICES: Final = {"*": SELLER_STATUSES, "working": SELLER_STATUSES[:6]}


def write_story(contact_story: ContactStory, person: Person) -> str:
    """Write the contact and everything of its script; return the contact's id."""
    timeline = parse_script(contact_story.situation.script)
    times = _moment_times(contact_story.world, contact_story.situation, timeline)
    _create_contact(contact_story, person, timeline[0], times[0])
    for moment, at in zip(timeline, times, strict=True):
        apply_deal_changes(contact_story, moment, at)
        if moment is not timeline[0]:
            _edit_contact(
                contact_story,
                moment,
                at + timedelta(seconds=contact_story.world.rng.randrange(1, 90)),
            )
    if not contact_story.situation.has_deal:
        contact_story.world.contacts_without_deals.append(contact_story.contact_id)
    return contact_story.contact_id


def _moment_times(world: World, situation: Situation, timeline: Sequence[Moment]) -> list[datetime]:
    last_day = world.rng.uniform(*situation.days)
    first_day = max(last_day + 1, min(last_day + world.rng.uniform(2, 420), 1095))
    days_between = (world.rng.uniform(last_day, first_day) for _ in timeline[2:])
    end_days = [first_day, last_day] if len(timeline) > 1 else [last_day]
    times = sorted(map(world.time_on_day, (*end_days, *days_between)))
    if timeline[0].writer == "IMPORT":
        times[0] = max(
            (import_time for import_time in world.import_times if import_time < times[0]),
            default=times[0],
        )
    return times


def _create_contact(story: ContactStory, person: Person, moment: Moment, at: datetime) -> None:
    author = _choose_author(story, moment)
    story.contact_id = story.world.portal.create(
        "contacts",
        _contact_properties(story, person) | _changed_properties(story, moment, at),
        at=at,
        source=author.source,
        source_id=author.source_id,
        user_id=author.user_id,
    )
    _link_companies(story, at)


def _link_companies(story: ContactStory, at: datetime) -> None:
    portal, contact_id = story.world.portal, story.contact_id
    if story.employer:
        company_id = story.employer.company_id
        portal.associate("contacts", contact_id, "companies", company_id, primary=True, at=at)
    if story.partner_id and story.world.chance(0.05):
        portal.associate("contacts", contact_id, "companies", story.partner_id, at=at)


def _edit_contact(story: ContactStory, moment: Moment, at: datetime) -> None:
    properties = _changed_properties(story, moment, at)
    if properties:
        author = _choose_author(story, moment)
        story.world.portal.edit(
            "contacts",
            story.contact_id,
            properties,
            at=at,
            source=author.source,
            source_id=author.source_id,
            user_id=author.user_id,
        )


def _contact_properties(story: ContactStory, person: Person) -> dict[str, str]:
    rng = story.world.rng
    properties = {
        "firstname": person.first,
        "lastname": person.last,
        "email": _choose_address(story, person),
    }
    if story.employer:
        properties |= {"company": story.employer.profile.name.strip(), "jobtitle": person.title}
    if rng.random() < 0.05:
        properties |= rng.choice(
            ({"firstname": ""}, {"lastname": ""}, {"firstname": "", "lastname": ""})
        )
    if rng.random() < 0.6:
        properties["hubspot_owner_id"] = rng.choice(story.world.owners)
    if story.situation.score or rng.random() < 0.4:
        low, high = story.situation.score or (0, 14)
        score = rng.randint(low, high)
        properties[SCORE_PROPERTY] = rng.choice(
            (f"{score}", f"{score}", f"{score}", f"{score}.0", f"{score}.5")
        )
    return {name: value for name, value in properties.items() if value}


def _choose_address(story: ContactStory, person: Person) -> str:
    if story.world.rng.random() < 0.02:
        return ""
    domain, number = _choose_domain(story), 1
    address = f"{person.mailbox}@{domain}"
    while address in story.world.used_addresses:
        number += 1
        address = f"{person.mailbox}{number}@{domain}"
    story.world.used_addresses.add(address)
    return address


def _choose_domain(story: ContactStory) -> str:
    if story.situation.mail == "staff":
        return OWN_DOMAIN
    if story.situation.mail == "supplier":
        return story.world.rng.choice(SUPPLIER_DOMAINS)
    if story.employer and story.world.rng.random() < 0.95:
        return story.employer.profile.domain
    return story.world.rng.choice(FREE_MAIL_DOMAINS)


def _changed_properties(story: ContactStory, moment: Moment, at: datetime) -> dict[str, str]:
    properties: dict[str, str] = {}
    for action, value in moment.changes:
        if action == "form":
            properties |= _conversion_properties(story, value, at)
        elif action == "stage":
            properties["lifecyclestage"] = value
        elif action == "status":
            choices = STATUS_CHOICES.get(value)
            properties["hs_lead_status"] = story.world.rng.choice(choices) if choices else value
    return properties


def _conversion_properties(story: ContactStory, form: str, at: datetime) -> dict[str, str]:
    story.conversion_count += 1
    form_name = story.world.rng.choice(FORMS[form])
    timestamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    first_conversion = {
        "first_conversion_event_name": form_name,
        "first_conversion_date": timestamp,
    }
    return (first_conversion if story.conversion_count == 1 else {}) | {
        "recent_conversion_event_name": form_name,
        "recent_conversion_date": timestamp,
        "num_conversion_events": str(story.conversion_count),
    }


def _choose_author(story: ContactStory, moment: Moment) -> Writer:
    source = moment.writer or usual_source(
        story.world.rng, {action for action, _ in moment.changes}
    )
    return choose_writer(story.world.rng, source)
