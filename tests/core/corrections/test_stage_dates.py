"""A backward move names the dates that it changes as this portal calls them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.core.corrections.stage_dates import changed_dates_finder
from connector.core.lint.default_portal import default_portal, definition
from connector.core.model import STAGE, STATUS, Correction, Direction, ObjectType, Ref

ANNA = Ref(ObjectType.CONTACTS, "1")
DATE_PROPERTIES = (
    *("hs_lifecyclestage_customer_date", "hs_lifecyclestage_lead_date"),
    *("hs_v2_date_entered_lead", "hs_v2_date_exited_customer", "hs_v2_date_entered_customer"),
    *("hs_v2_date_entered_current_stage", "hs_v2_date_exited_51439524_1187200123"),
    *("hs_v2_date_entered_lead_2", "hs_v2_date_entered_my_stage_77"),
)
PORTAL = default_portal(
    extra_properties={
        ObjectType.CONTACTS: [definition(name, "datetime") for name in DATE_PROPERTIES],
        ObjectType.COMPANIES: [],
        ObjectType.DEALS: [],
    }
)
BACKWARD_CORRECTION = Correction(
    record=ANNA,
    property_name=STAGE,
    before="customer",
    after="lead",
    direction=Direction.BACKWARD,
    rule="lost",
    reason="lost",
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "customer",
            "lead",
            (
                *("hs_lifecyclestage_customer_date", "hs_lifecyclestage_lead_date"),
                *("hs_v2_date_exited_customer", "hs_v2_date_entered_lead"),
                "hs_v2_date_entered_current_stage",
            ),
        ),
        (
            "51439524",
            "My-Stage",
            (
                *("hs_v2_date_exited_51439524_1187200123", "hs_v2_date_entered_my_stage_77"),
                "hs_v2_date_entered_current_stage",
            ),
        ),
    ],
)
def test_the_names_are_found_and_not_built(
    before: str, after: str, expected: tuple[str, ...]
) -> None:
    assert (
        changed_dates_finder(PORTAL)(replace(BACKWARD_CORRECTION, before=before, after=after))
        == expected
    )


@pytest.mark.parametrize(
    "correction",
    [
        replace(BACKWARD_CORRECTION, direction=Direction.FORWARD),
        replace(BACKWARD_CORRECTION, property_name=STATUS, direction=Direction.SET),
    ],
)
def test_whatever_does_not_go_back_changes_none(correction: Correction) -> None:
    assert changed_dates_finder(PORTAL)(correction) == ()


def test_a_portal_without_such_dates_has_none_changed() -> None:
    company_correction = replace(BACKWARD_CORRECTION, record=Ref(ObjectType.COMPANIES, "1"))
    assert changed_dates_finder(PORTAL)(company_correction) == ()
