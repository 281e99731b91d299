"""Change records as imports, workflows and people do, so that corrections are needed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.setup import SALES
from connector.sandbox.world.situations import SQL
from connector.sandbox.world.writers import choose_writer

STAGE: Final = "lifecyclestage"
STATUS: Final = "hs_lead_status"
WON_STAGE: Final = SALES.won_stage[0]
LOST_STAGE: Final = SALES.lost_stage[0]
FIRST_STAGE: Final = SALES.open_stages[0][0]
OPEN_STAGES: Final = frozenset(stage for stage, _, _ in SALES.open_stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """Changes records at random; no record is changed twice."""

    portal: Portal
    rng: Random
    touched: set[tuple[str, int]]

    def pick(
        self, object_type: str, share: float, matches: Callable[[Mapping[str, str]], bool]
    ) -> list[str]:
        """Choose a share of the records of a type that match, at least three if there are."""
        candidates = [
            record.id
            for record in self.portal.records(object_type)
            if (object_type, record.id) not in self.touched and matches(record.values)
        ]
        chosen_ids = sorted(
            self.rng.sample(candidates, min(len(candidates), max(3, int(len(candidates) * share))))
        )
        self.touched.update((object_type, record_id) for record_id in chosen_ids)
        return [str(record_id) for record_id in chosen_ids]

    def write(
        self, object_type: str, record_ids: list[str], values: dict[str, str], source: str
    ) -> int:
        """Write the same values into all records, as a source does; return how many."""
        for record_id in record_ids:
            author = choose_writer(self.rng, source)
            self.portal.edit(
                object_type,
                record_id,
                values,
                source=author.source,
                source_id=author.source_id,
                user_id=author.user_id,
            )
        return len(record_ids)


def disturb_records(portal: Portal, *, seed: int) -> dict[str, int]:
    """Break some records at the portal's present time; return how many, by what was done."""
    rng = Random(seed)  # noqa: S311 -- invented data must be the same for the same seed
    disturbance = Disturbance(portal=portal, rng=rng, touched=set())
    return {
        "deals reopened": _reopen_deals(disturbance),
        "deals lost": _close_deals(disturbance, LOST_STAGE),
        "deals won": _close_deals(disturbance, WON_STAGE),
        "deals created for leads": _create_deals(disturbance),
        "deals moved to another contact": _move_deals(disturbance),
        "stages set back by a workflow (clear, then set)": _set_back_by_workflow(disturbance),
        "stages pushed forward by an import": _push_forward_by_import(disturbance),
        "stages changed by hand": _change_by_hand(disturbance),
        "stages cleared by a workflow": _clear_by_workflow(disturbance),
        "lead statuses set to New by a workflow": _set_to_new_by_workflow(disturbance),
        "lead statuses cleared by hand": _clear_status_by_hand(disturbance),
    }


def _reopen_deals(disturbance: Disturbance) -> int:
    deal_ids = disturbance.pick("deals", 0.05, lambda values: values.get("dealstage") == WON_STAGE)
    return disturbance.write("deals", deal_ids, {"dealstage": FIRST_STAGE}, "CRM_UI")


def _close_deals(disturbance: Disturbance, stage: str) -> int:
    deal_ids = disturbance.pick(
        "deals", 0.08, lambda values: values.get("dealstage") in OPEN_STAGES
    )
    return disturbance.write("deals", deal_ids, {"dealstage": stage}, "CRM_UI")


def _create_deals(disturbance: Disturbance) -> int:
    contact_ids = disturbance.pick("contacts", 0.01, lambda values: values.get(STAGE) == "lead")
    for contact_id in contact_ids:
        author = choose_writer(disturbance.rng, "CRM_UI")
        deal_id = disturbance.portal.create(
            "deals",
            {"dealname": "Ny mulighet", "pipeline": "default", "dealstage": FIRST_STAGE},
            source=author.source,
            source_id=author.source_id,
            user_id=author.user_id,
        )
        disturbance.portal.associate("deals", deal_id, "contacts", contact_id)
    return len(contact_ids)


def _move_deals(disturbance: Disturbance) -> int:
    deal_ids = disturbance.pick(
        "deals", 0.03, lambda values: values.get("dealstage") in OPEN_STAGES
    )
    new_contact_ids = disturbance.pick(
        "contacts", 0.01, lambda values: values.get(STAGE) == "subscriber"
    )
    pairs = list(zip(deal_ids, new_contact_ids, strict=False))
    for deal_id, new_contact_id in pairs:
        for contact_id in list(disturbance.portal.links.of("deals", int(deal_id), "contacts")):
            disturbance.portal.dissociate("deals", deal_id, "contacts", str(contact_id))
        disturbance.portal.associate("deals", deal_id, "contacts", new_contact_id)
    return len(pairs)


def _set_back_by_workflow(disturbance: Disturbance) -> int:
    contact_ids = disturbance.pick("contacts", 0.05, lambda values: values.get(STAGE) == "customer")
    disturbance.write("contacts", contact_ids, {STAGE: ""}, "AUTOMATION_PLATFORM")
    return disturbance.write("contacts", contact_ids, {STAGE: "lead"}, "AUTOMATION_PLATFORM")


def _push_forward_by_import(disturbance: Disturbance) -> int:
    contact_ids = disturbance.pick("contacts", 0.02, lambda values: values.get(STAGE) == "lead")
    return disturbance.write("contacts", contact_ids, {STAGE: SQL}, "IMPORT")


def _change_by_hand(disturbance: Disturbance) -> int:
    contact_ids = disturbance.pick(
        "contacts", 0.05, lambda values: values.get(STAGE) == "opportunity"
    )
    return disturbance.write("contacts", contact_ids, {STAGE: SQL}, "CRM_UI")


def _clear_by_workflow(disturbance: Disturbance) -> int:
    contact_ids = disturbance.pick(
        "contacts", 0.01, lambda values: values.get(STAGE) == "subscriber"
    )
    return disturbance.write("contacts", contact_ids, {STAGE: ""}, "AUTOMATION_PLATFORM")


def _set_to_new_by_workflow(disturbance: Disturbance) -> int:
    contact_ids = disturbance.pick(
        "contacts", 0.1, lambda values: values.get(STATUS) == "OPEN_DEAL"
    )
    return disturbance.write("contacts", contact_ids, {STATUS: "NEW"}, "AUTOMATION_PLATFORM")


def _clear_status_by_hand(disturbance: Disturbance) -> int:
    contact_ids = disturbance.pick("contacts", 0.1, lambda values: values.get(STATUS) == "NEW")
    return disturbance.write("contacts", contact_ids, {STATUS: ""}, "CRM_UI")
