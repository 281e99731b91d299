"""Every situation that the product must tell apart occurs in the seeded world."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.sandbox.setting import SCORE
from tests.sandbox.schema.views import DEFAULT_STAGES, SQL, View, ago, lately_lost, only, views

SITUATIONS: dict[str, tuple[int, Callable[[View], bool]]] = {
    "a won deal was reopened, still customer": (
        8,
        lambda one: one.stage == "customer" and only(one, "open") and one.once_won,
    ),
    "a won deal was reopened and lost, still customer": (
        4,
        lambda one: one.stage == "customer" and only(one, "lost") and one.once_won,
    ),
    "a deal was lost, still opportunity": (
        15,
        lambda one: one.stage == "opportunity" and only(one, "lost"),
    ),
    "lead status New with a running deal": (
        12,
        lambda one: one.status == "NEW" and "open" in one.ends,
    ),
    "ready for sales without a status": (25, lambda one: one.stage == SQL and not one.status),
    "no stage": (12, lambda one: not one.stage and not one.form),
    "no stage although converted": (8, lambda one: not one.stage and bool(one.form)),
    "parked with an open deal": (5, lambda one: one.stage == "other" and only(one, "open")),
    "parked with a won deal": (4, lambda one: one.stage == "other" and only(one, "won")),
    "customer by import without any deal": (
        15,
        lambda one: one.stage == "customer" and not one.deals and one.stage_by == "IMPORT",
    ),
    "customer by import with an upsell deal": (
        6,
        lambda one: one.stage == "customer" and only(one, "open") and not one.once_won,
    ),
    "evangelist": (8, lambda one: one.stage == "evangelist"),
    "in a stage that the standard policy does not name": (
        15,
        lambda one: bool(one.stage) and one.stage not in DEFAULT_STAGES,
    ),
    "own staff among the leads": (
        5,
        lambda one: one.domain == "fjordkraftwerk.example" and one.stage == SQL,
    ),
    "own staff parked": (
        5,
        lambda one: one.domain == "fjordkraftwerk.example" and one.stage == "other",
    ),
    "won, still opportunity": (10, lambda one: one.stage == "opportunity" and only(one, "won")),
    "open deal, still lead": (12, lambda one: one.stage == "lead" and "open" in one.ends),
    "customer with a status of a deal": (
        8,
        lambda one: one.stage == "customer" and one.status == "OPEN_DEAL",
    ),
    "lead with a status": (12, lambda one: one.stage == "lead" and one.status == "NEW"),
    "subscriber although converted": (
        20,
        lambda one: one.stage == "subscriber" and bool(one.form),
    ),
    "demo asked for, still lead": (
        15,
        lambda one: one.stage == "lead" and "demo" in one.form and not one.deals,
    ),
    "sales contacted, still marketing's": (
        6,
        lambda one: one.stage == "marketingqualifiedlead" and "contact sales" in one.form,
    ),
    "came back after a loss": (
        6,
        lambda one: (
            only(one, "lost")
            and one.form_on is not None
            and one.lost_on is not None
            and one.form_on > one.lost_on
        ),
    ),
    "lost lately": (8, lambda one: only(one, "lost") and lately_lost(one)),
    "lost long ago": (15, lambda one: only(one, "lost") and not lately_lost(one)),
    "closed with a probability between": (6, lambda one: only(one, "between")),
    "status of a deal that is not there": (
        8,
        lambda one: one.status == "OPEN_DEAL" and not one.deals,
    ),
    "opportunity without any deal": (
        10,
        lambda one: one.stage == "opportunity" and not one.deals,
    ),
    "set back by hand within a month": (
        5,
        lambda one: (
            one.stage == "opportunity"
            and only(one, "won")
            and one.stage_by == "CRM_UI"
            and one.stage_on is not None
            and one.stage_on > ago(30)
        ),
    ),
    "set back by a workflow": (
        5,
        lambda one: (
            one.stage == "lead" and only(one, "won") and one.stage_by == "AUTOMATION_PLATFORM"
        ),
    ),
    "won and open": (6, lambda one: one.ends >= {"won", "open"}),
    "lost and open": (5, lambda one: one.ends == {"lost", "open"}),
    "no name at all": (10, lambda one: not {"firstname", "lastname"} & one.values.keys()),
    "no e-mail": (15, lambda one: "email" not in one.values),
    "a score that is not a whole number": (
        50,
        lambda one: "." in one.values.get(SCORE, ""),
    ),
    "no score": (200, lambda one: SCORE not in one.values),
    "a seller's own word": (
        30,
        lambda one: one.stage == SQL and one.status not in ("", "NEW", "OPEN_DEAL", "BAD_TIMING"),
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_telling_situation_occurs_often_enough(name: str) -> None:
    least, fits = SITUATIONS[name]
    assert sum(map(fits, views())) >= least
