"""Every situation that the product must tell apart occurs in the seeded world."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.sandbox.world.setup import SCORE_PROPERTY
from tests.sandbox.schema.world_contacts import (
    DEFAULT_STAGES,
    SQL,
    ContactView,
    contact_views,
    days_ago,
    has_only,
    lost_recently,
)

SITUATIONS: dict[str, tuple[int, Callable[[ContactView], bool]]] = {
    "a won deal was reopened, still customer": (
        8,
        lambda contact: (
            contact.stage == "customer" and has_only(contact, "open") and contact.was_won
        ),
    ),
    "a won deal was reopened and lost, still customer": (
        4,
        lambda contact: (
            contact.stage == "customer" and has_only(contact, "lost") and contact.was_won
        ),
    ),
    "a deal was lost, still opportunity": (
        15,
        lambda contact: contact.stage == "opportunity" and has_only(contact, "lost"),
    ),
    "lead status New with a running deal": (
        12,
        lambda contact: contact.status == "NEW" and "open" in contact.deal_outcomes,
    ),
    "ready for sales without a status": (
        25,
        lambda contact: contact.stage == SQL and not contact.status,
    ),
    "no stage": (12, lambda contact: not contact.stage and not contact.form),
    "no stage although converted": (8, lambda contact: not contact.stage and bool(contact.form)),
    "parked with an open deal": (
        5,
        lambda contact: contact.stage == "other" and has_only(contact, "open"),
    ),
    "parked with a won deal": (
        4,
        lambda contact: contact.stage == "other" and has_only(contact, "won"),
    ),
    "customer by import without any deal": (
        15,
        lambda contact: (
            contact.stage == "customer" and not contact.deals and contact.stage_source == "IMPORT"
        ),
    ),
    "customer by import with an upsell deal": (
        6,
        lambda contact: (
            contact.stage == "customer" and has_only(contact, "open") and not contact.was_won
        ),
    ),
    "evangelist": (8, lambda contact: contact.stage == "evangelist"),
    "in a stage that the standard policy does not name": (
        15,
        lambda contact: bool(contact.stage) and contact.stage not in DEFAULT_STAGES,
    ),
    "own staff among the leads": (
        5,
        lambda contact: contact.domain == "fjordkraftwerk.example" and contact.stage == SQL,
    ),
    "own staff parked": (
        5,
        lambda contact: contact.domain == "fjordkraftwerk.example" and contact.stage == "other",
    ),
    "won, still opportunity": (
        10,
        lambda contact: contact.stage == "opportunity" and has_only(contact, "won"),
    ),
    "open deal, still lead": (
        12,
        lambda contact: contact.stage == "lead" and "open" in contact.deal_outcomes,
    ),
    "customer with a status of a deal": (
        8,
        lambda contact: contact.stage == "customer" and contact.status == "OPEN_DEAL",
    ),
    "lead with a status": (12, lambda contact: contact.stage == "lead" and contact.status == "NEW"),
    "subscriber although converted": (
        20,
        lambda contact: contact.stage == "subscriber" and bool(contact.form),
    ),
    "demo asked for, still lead": (
        15,
        lambda contact: contact.stage == "lead" and "demo" in contact.form and not contact.deals,
    ),
    "sales contacted, still marketing's": (
        6,
        lambda contact: (
            contact.stage == "marketingqualifiedlead" and "contact sales" in contact.form
        ),
    ),
    "came back after a loss": (
        6,
        lambda contact: (
            has_only(contact, "lost")
            and contact.form_at is not None
            and contact.lost_at is not None
            and contact.form_at > contact.lost_at
        ),
    ),
    "lost lately": (8, lambda contact: has_only(contact, "lost") and lost_recently(contact)),
    "lost long ago": (15, lambda contact: has_only(contact, "lost") and not lost_recently(contact)),
    "closed with a probability between": (6, lambda contact: has_only(contact, "between")),
    "status of a deal that is not there": (
        8,
        lambda contact: contact.status == "OPEN_DEAL" and not contact.deals,
    ),
    "opportunity without any deal": (
        10,
        lambda contact: contact.stage == "opportunity" and not contact.deals,
    ),
    "set back by hand within a month": (
        5,
        lambda contact: (
            contact.stage == "opportunity"
            and has_only(contact, "won")
            and contact.stage_source == "CRM_UI"
            and contact.stage_set_at is not None
            and contact.stage_set_at > days_ago(30)
        ),
    ),
    "set back by a workflow": (
        5,
        lambda contact: (
            contact.stage == "lead"
            and has_only(contact, "won")
            and contact.stage_source == "AUTOMATION_PLATFORM"
        ),
    ),
    "won and open": (6, lambda contact: contact.deal_outcomes >= {"won", "open"}),
    "lost and open": (5, lambda contact: contact.deal_outcomes == {"lost", "open"}),
    "no name at all": (10, lambda contact: not {"firstname", "lastname"} & contact.values.keys()),
    "no e-mail": (15, lambda contact: "email" not in contact.values),
    "a score that is not a whole number": (
        50,
        lambda contact: "." in contact.values.get(SCORE_PROPERTY, ""),
    ),
    "no score": (200, lambda contact: SCORE_PROPERTY not in contact.values),
    "a seller's own word": (
        30,
        lambda contact: (
            contact.stage == SQL and contact.status not in ("", "NEW", "OPEN_DEAL", "BAD_TIMING")
        ),
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_telling_situation_occurs_often_enough(name: str) -> None:
    minimum, matches = SITUATIONS[name]
    assert sum(map(matches, contact_views())) >= minimum
