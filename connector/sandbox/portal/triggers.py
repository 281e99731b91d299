"""Make something happen in a portal by name: what people, workflows, imports and deals do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.record import Record
from connector.sandbox.portal.writes import STAGE

STATUS: Final = "hs_lead_status"
_FIGHT_STAGE: Final = "lead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One thing that can happen; `fits` chooses a contact where none is named."""

    description: str
    run: Callable[[Portal, Record], str]
    fits: Callable[[Portal, Record], bool] = lambda _portal, _contact: True


def trigger(portal: Portal, event: str, record_name: str = "") -> str:
    """Let an event happen to `contacts/ID`, or to the first contact that fits; say what happened.

    Raises KeyError for an unknown contact, and ValueError for an unknown event or for a record
    that is not a contact.
    """
    if event not in TRIGGERS:
        raise ValueError(f"there is no event {event!r}; there is: {', '.join(TRIGGERS)}")
    with portal.lock:
        contact = _choose_contact(portal, event, record_name)
        return f"contacts/{contact.id}: {TRIGGERS[event].run(portal, contact)}"


def _choose_contact(portal: Portal, event: str, record_name: str) -> Record:
    if not record_name:
        fits = TRIGGERS[event].fits
        for contact in portal.records("contacts"):
            if fits(portal, contact):
                return contact
        raise ValueError(f"no contact fits {event}; name one: contacts/ID")
    object_type, _, record_id = record_name.partition("/")
    if object_type != "contacts" or not record_id.isdigit():
        raise ValueError(f"name a contact as contacts/ID, not {record_name!r}")
    return portal.record("contacts", record_id)


def _deals(portal: Portal, contact: Record, state: str) -> list[str]:
    """Return the ids of a contact's deals that are `open`, `won` or `lost`."""
    return [
        str(deal_id)
        for deal_id in portal.links.of("contacts", contact.id, "deals")
        if _deal_state(portal, str(deal_id)) == state
    ]


def _deal_state(portal: Portal, deal_id: str) -> str:
    deal = portal.tables["deals"].find(deal_id)
    deal_stage = portal.schema.deal_stage(deal.values.get("dealstage", "")) if deal else None
    if deal_stage is None:
        return ""
    if not deal_stage[1].closed:
        return "open"
    return "won" if deal_stage[1].won else "lost"


def _has_deal(state: str) -> Callable[[Portal, Record], bool]:
    return lambda portal, contact: bool(_deals(portal, contact, state))


def _has_no_deal(portal: Portal, contact: Record) -> bool:
    return not portal.links.of("contacts", contact.id, "deals")


def _in_stage(*stages: str) -> Callable[[Portal, Record], bool]:
    return lambda portal, contact: (
        contact.values.get(STAGE, "") in stages and _has_no_deal(portal, contact)
    )


def _stage_id(portal: Portal, state: str) -> str:
    """Return the first stage of the sales pipeline that is `open`, `won` or `lost`."""
    stages = portal.schema.pipelines["default"].stages
    fitting = {
        "open": [stage for stage in stages if not stage.closed],
        "won": [stage for stage in stages if stage.won],
        "lost": [stage for stage in stages if stage.lost],
    }
    return fitting[state][0].id


def _create_deal(portal: Portal, contact: Record) -> str:
    properties = {"dealname": "New deal", "dealstage": _stage_id(portal, "open")}
    deal_id = portal.create("deals", properties, source="CRM_UI", source_id="userId:28604240")
    portal.associate("deals", deal_id, "contacts", str(contact.id))
    return f"deals/{deal_id} was created"


def _move_deal(state: str, new_state: str) -> Callable[[Portal, Record], str]:
    """Return a trigger that moves the contact's deal of one state into another."""

    def run(portal: Portal, contact: Record) -> str:
        deal_ids = _deals(portal, contact, state)
        if not deal_ids:
            _create_deal(portal, contact)
            deal_ids = _deals(portal, contact, "open")
        stage = _stage_id(portal, new_state)
        if state == "won" and new_state == "open":
            portal.edit("deals", deal_ids[0], {"dealstage": _stage_id(portal, "won")})
        portal.edit("deals", deal_ids[0], {"dealstage": stage})
        return f"deals/{deal_ids[0]} is {new_state} now"

    return run


def _fill_form(form: str) -> Callable[[Portal, Record], str]:
    def run(portal: Portal, contact: Record) -> str:
        count = int(contact.values.get("num_conversion_events") or 0) + 1
        now = portal.clock.now().isoformat()
        properties = {
            "recent_conversion_event_name": form,
            "recent_conversion_date": now,
            "num_conversion_events": str(count),
        }
        if count == 1:
            properties |= {"first_conversion_event_name": form, "first_conversion_date": now}
        portal.edit("contacts", str(contact.id), properties, source="FORM", source_id="")
        return f"the form “{form}” was filled in"

    return run


def _write(
    name: str, value: str, source: str, text: str, *, source_id: str = ""
) -> Callable[[Portal, Record], str]:
    def run(portal: Portal, contact: Record) -> str:
        origin = {"source": source, "source_id": source_id} if source != "CRM_UI" else {}
        portal.edit("contacts", str(contact.id), {name: value}, **origin)  # type: ignore[arg-type]  # keys of Origin
        return text

    return run


def _fight(portal: Portal, contact: Record) -> str:
    portal.keep_stage("contacts", str(contact.id), _FIGHT_STAGE)
    return f"a workflow sets the stage to {_FIGHT_STAGE} after every change"


def _clear_and_set(portal: Portal, contact: Record) -> str:
    minutes = portal.switches.clear_and_set_minutes
    portal.clear_and_set("contacts", str(contact.id), "lead", minutes=minutes)
    return f"a workflow cleared the stage, and sets it to lead in {minutes:g} minutes"


def _merge(portal: Portal, contact: Record) -> str:
    candidates = [record for record in portal.records("contacts") if record.id != contact.id]
    if not candidates:
        raise ValueError("there is no other contact to merge with")
    survivor = portal.merge("contacts", str(contact.id), str(candidates[0].id))
    return f"merged with contacts/{candidates[0].id} into contacts/{survivor}"


def _archive(portal: Portal, contact: Record) -> str:
    portal.archive("contacts", str(contact.id))
    return "archived"


def _delete_for_privacy(portal: Portal, contact: Record) -> str:
    portal.delete_for_privacy(str(contact.id))
    return "deleted for privacy"


TRIGGERS: Final[dict[str, Trigger]] = {
    "deal-created": Trigger(
        description="somebody creates a deal for a lead", run=_create_deal, fits=_in_stage("lead")
    ),
    "deal-won": Trigger(
        description="an open deal is won", run=_move_deal("open", "won"), fits=_has_deal("open")
    ),
    "deal-lost": Trigger(
        description="an open deal is lost", run=_move_deal("open", "lost"), fits=_has_deal("open")
    ),
    "deal-reopened": Trigger(
        description="a won deal is opened again",
        run=_move_deal("won", "open"),
        fits=_has_deal("won"),
    ),
    "form-filled": Trigger(
        description="a lead asks for a demo",
        run=_fill_form("Book a demo: Demo form"),
        fits=_in_stage("lead"),
    ),
    "newsletter": Trigger(
        description="somebody subscribes to the newsletter",
        run=_fill_form("Newsletter: Sign up"),
        fits=_in_stage("", "subscriber"),
    ),
    "import": Trigger(
        description="an import sets SQL",
        run=_write(
            STAGE, "salesqualifiedlead", "IMPORT", "an import set SQL", source_id="40000001"
        ),
        fits=_in_stage("subscriber", "lead"),
    ),
    "stage-by-hand": Trigger(
        description="a person sets the stage back to lead",
        run=_write(STAGE, "lead", "CRM_UI", "a person set the stage to lead"),
        fits=_in_stage("salesqualifiedlead", "customer"),
    ),
    "status-by-hand": Trigger(
        description="a seller sets the lead status to Unqualified",
        run=_write(STATUS, "UNQUALIFIED", "CRM_UI", "a person set the status to UNQUALIFIED"),
        fits=_in_stage("lead", "salesqualifiedlead"),
    ),
    "stage-cleared": Trigger(
        description="a workflow clears the stage and leaves it blank",
        run=_write(
            STAGE, "", "AUTOMATION_PLATFORM", "a workflow cleared the stage", source_id="71830"
        ),
        fits=_in_stage("subscriber", "lead"),
    ),
    "workflow-way-back": Trigger(
        description="a workflow clears the stage and sets lead some minutes later",
        run=_clear_and_set,
        fits=_in_stage("salesqualifiedlead", "customer"),
    ),
    "workflow-fight": Trigger(
        description="a workflow sets lead after every change of the stage",
        run=_fight,
        fits=_has_deal("open"),
    ),
    "merge": Trigger(description="two contacts are merged", run=_merge, fits=_has_no_deal),
    "archive": Trigger(description="a contact is archived", run=_archive, fits=_has_no_deal),
    "privacy-deletion": Trigger(
        description="a contact is deleted for good", run=_delete_for_privacy, fits=_has_no_deal
    ),
}
