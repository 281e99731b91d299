"""Break records the way imports, workflows and people do once everything was right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from connector.sandbox.portal import Portal
from connector.sandbox.setting import SALES
from connector.sandbox.situations import SQL
from connector.sandbox.writers import writer

STAGE: Final = "lifecyclestage"
STATUS: Final = "hs_lead_status"
WON: Final = SALES.won[0]
LOST: Final = SALES.lost[0]
FIRST: Final = SALES.running[0][0]
OPEN: Final = frozenset(stage for stage, _, _ in SALES.running)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """What breaks records; no record is taken twice."""

    portal: Portal
    dice: Random
    touched: set[tuple[str, int]]

    def pick(self, kind: str, share: float, fits: Callable[[Mapping[str, str]], bool]) -> list[str]:
        """Choose a share of the records of a kind that fit, at least three where there are."""
        found = [
            one.id
            for one in self.portal.records(kind)
            if (kind, one.id) not in self.touched and fits(one.values)
        ]
        chosen = sorted(self.dice.sample(found, min(len(found), max(3, int(len(found) * share)))))
        self.touched.update((kind, one) for one in chosen)
        return [str(one) for one in chosen]

    def write(self, kind: str, chosen: list[str], values: dict[str, str], source: str) -> int:
        """Write the same values into all of them as a source does; count them."""
        for one in chosen:
            by = writer(self.dice, source)
            self.portal.edit(
                kind,
                one,
                values,
                source=by.source,
                source_id=by.source_id,
                user_id=by.user_id,
            )
        return len(chosen)


def break_some(portal: Portal, *, seed: int) -> dict[str, int]:
    """Break some records at the portal's present time; return how many, by what was done."""
    dice = Random(seed)  # noqa: S311 -- invented data must be the same for the same seed
    hand = Hand(portal=portal, dice=dice, touched=set())
    return {
        "deals reopened": _reopened(hand),
        "deals lost": _closed(hand, LOST),
        "deals won": _closed(hand, WON),
        "deals created for leads": _created(hand),
        "deals moved to another contact": _moved(hand),
        "stages set back by a workflow (clear, then set)": _workflow(hand),
        "stages pushed forward by an import": _import(hand),
        "stages changed by hand": _by_hand(hand),
        "stages cleared by a workflow": _cleared(hand),
        "lead statuses set to New by a workflow": _renewed(hand),
        "lead statuses cleared by hand": _wiped(hand),
    }


def _reopened(hand: Hand) -> int:
    chosen = hand.pick("deals", 0.05, lambda values: values.get("dealstage") == WON)
    return hand.write("deals", chosen, {"dealstage": FIRST}, "CRM_UI")


def _closed(hand: Hand, stage: str) -> int:
    chosen = hand.pick("deals", 0.08, lambda values: values.get("dealstage") in OPEN)
    return hand.write("deals", chosen, {"dealstage": stage}, "CRM_UI")


def _created(hand: Hand) -> int:
    chosen = hand.pick("contacts", 0.01, lambda values: values.get(STAGE) == "lead")
    for one in chosen:
        by = writer(hand.dice, "CRM_UI")
        deal = hand.portal.create(
            "deals",
            {"dealname": "Ny mulighet", "pipeline": "default", "dealstage": FIRST},
            source=by.source,
            source_id=by.source_id,
            user_id=by.user_id,
        )
        hand.portal.associate("deals", deal, "contacts", one)
    return len(chosen)


def _moved(hand: Hand) -> int:
    deals = hand.pick("deals", 0.03, lambda values: values.get("dealstage") in OPEN)
    heirs = hand.pick("contacts", 0.01, lambda values: values.get(STAGE) == "subscriber")
    pairs = list(zip(deals, heirs, strict=False))
    for deal, heir in pairs:
        for contact in list(hand.portal.links.of("deals", int(deal), "contacts")):
            hand.portal.dissociate("deals", deal, "contacts", str(contact))
        hand.portal.associate("deals", deal, "contacts", heir)
    return len(pairs)


def _workflow(hand: Hand) -> int:
    chosen = hand.pick("contacts", 0.05, lambda values: values.get(STAGE) == "customer")
    hand.write("contacts", chosen, {STAGE: ""}, "AUTOMATION_PLATFORM")
    return hand.write("contacts", chosen, {STAGE: "lead"}, "AUTOMATION_PLATFORM")


def _import(hand: Hand) -> int:
    chosen = hand.pick("contacts", 0.02, lambda values: values.get(STAGE) == "lead")
    return hand.write("contacts", chosen, {STAGE: SQL}, "IMPORT")


def _by_hand(hand: Hand) -> int:
    chosen = hand.pick("contacts", 0.05, lambda values: values.get(STAGE) == "opportunity")
    return hand.write("contacts", chosen, {STAGE: SQL}, "CRM_UI")


def _cleared(hand: Hand) -> int:
    chosen = hand.pick("contacts", 0.01, lambda values: values.get(STAGE) == "subscriber")
    return hand.write("contacts", chosen, {STAGE: ""}, "AUTOMATION_PLATFORM")


def _renewed(hand: Hand) -> int:
    chosen = hand.pick("contacts", 0.1, lambda values: values.get(STATUS) == "OPEN_DEAL")
    return hand.write("contacts", chosen, {STATUS: "NEW"}, "AUTOMATION_PLATFORM")


def _wiped(hand: Hand) -> int:
    chosen = hand.pick("contacts", 0.1, lambda values: values.get(STATUS) == "NEW")
    return hand.write("contacts", chosen, {STATUS: ""}, "CRM_UI")
