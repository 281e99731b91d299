"""A customer of 2023 leaves: by each evidence and practice, contact and company, there and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.journeys.sample_records import OPEN, WON
from tests.journeys.workspace import Workspace, new_portal

DAY = 86_400.0
SQL, CHURNED = "salesqualifiedlead", "51439524"
RENEWALS, RENEWAL_OPEN, RENEWAL_LOST = "renewals", "renewalopen", "renewallost"
LEFT_STAGES = {"keep-customer": "customer", "custom-stage": CHURNED, "back-to-sales": SQL}
POLICY = """\
extends: churn
settings:
  stages: [subscriber, lead, marketingqualifiedlead, salesqualifiedlead, opportunity, customer,
    Churned Customer, evangelist, other]
  parked: [other, Churned Customer]
  subscription: {{property: plan_state}}
  churn:
    practice: {practice}
    stage: Churned Customer
    mark: former_customer
    company_mark: former_customer
    ended_at: deal.contract_end
    pipelines: [Renewals]
"""
STAGES = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "MQL"),
    (SQL, "SQL"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    (CHURNED, "Churned Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
)


@dataclass(frozen=True)
class Customer:
    """A contact and its company, both customers by one deal of 2023."""

    workspace: Workspace
    contact: str
    company: str
    deal: str

    def stages(self) -> set[str]:
        return {self._values("lifecyclestage")[0], self._values("lifecyclestage")[1]}

    def marks(self) -> set[str]:
        return set(self._values("former_customer"))

    def _values(self, name: str) -> tuple[str, str]:
        read_value = self.workspace.value
        return read_value(f"contacts/{self.contact}.{name}"), read_value(
            f"companies/{self.company}.{name}"
        )

    def lose_renewal(self) -> None:
        renewal = self._create_deal(pipeline=RENEWALS, dealstage=RENEWAL_OPEN)
        self.workspace.portal.edit("deals", renewal, {"dealstage": RENEWAL_LOST})

    def end_contract(self) -> None:
        yesterday = self.workspace.portal.clock.now().date().isoformat()
        self.workspace.portal.edit("deals", self.deal, {"contract_end": yesterday})

    def end_subscription(self) -> None:
        portal = self.workspace.portal
        portal.edit("contacts", self.contact, {"plan_state": "canceled"})
        portal.edit("companies", self.company, {"plan_state": "canceled"})

    def buy_again(self) -> None:
        deal = self._create_deal(pipeline="default", dealstage=OPEN)
        self.workspace.portal.edit("deals", deal, {"dealstage": WON})
        portal = self.workspace.portal
        for object_type, record_id in (("contacts", self.contact), ("companies", self.company)):
            if portal.value(object_type, record_id, "plan_state"):
                portal.edit(object_type, record_id, {"plan_state": "active"})

    def _create_deal(self, **properties: str) -> str:
        portal = self.workspace.portal
        deal = portal.create("deals", {"dealname": "Renewal", **properties})
        portal.associate("deals", deal, "contacts", self.contact)
        portal.associate("deals", deal, "companies", self.company, primary=True)
        return deal


EVIDENCE: dict[str, Callable[[Customer], None]] = {
    "renewal lost": Customer.lose_renewal,
    "contract ended": Customer.end_contract,
    "subscription ended": Customer.end_subscription,
}


def create_customer(
    new_workspace: Callable[..., Workspace], folder: Path, practice: str
) -> Customer:
    """Return a customer in a portal with renewals, contracts and subscriptions."""
    policy = folder / "churn.yaml"
    policy.write_text(POLICY.format(practice=practice), encoding="utf-8")
    portal = new_portal()
    portal.set_stages(STAGES)
    portal.add_pipeline(
        RENEWALS,
        "Renewals",
        [(RENEWAL_OPEN, "Due", False, 0.5), (RENEWAL_LOST, "Lost", True, 0.0)],
    )
    for object_type in ("contacts", "companies"):
        portal.define_property(object_type, "plan_state")
        portal.define_property(object_type, "former_customer", type="bool")
    portal.define_property("deals", "contract_end", type="date")
    year_2023 = datetime(2023, 3, 1, tzinfo=UTC)
    source = {"source": "INTEGRATION", "source_id": "1", "user_id": None}
    company = portal.create(
        "companies", {"name": "Fjord AS", "lifecyclestage": "customer"}, at=year_2023, **source
    )
    contact = portal.create(
        "contacts",
        {"email": "anna@fjord.example", "lifecyclestage": "customer"},
        at=year_2023,
        **source,
    )
    portal.associate("contacts", contact, "companies", company, primary=True, at=year_2023)
    deal = portal.create(
        "deals", {"dealname": "2023", "pipeline": "default", "dealstage": WON}, at=year_2023
    )
    portal.associate("deals", deal, "contacts", contact, at=year_2023)
    portal.associate("deals", deal, "companies", company, primary=True, at=year_2023)
    workspace = new_workspace(portal, CONNECTOR_POLICY=str(policy))
    return Customer(workspace, contact, company, deal)


@pytest.mark.parametrize("practice", LEFT_STAGES)
@pytest.mark.parametrize("evidence", EVIDENCE)
def test_a_customer_who_leaves_goes_where_the_practice_says_and_comes_back(
    new_workspace: Callable[..., Workspace], tmp_path: Path, evidence: str, practice: str
) -> None:
    customer = create_customer(new_workspace, tmp_path, practice)
    customer.workspace.sync()
    assert customer.stages() == {"customer"}
    customer.workspace.portal.clock.advance(2 * DAY)
    EVIDENCE[evidence](customer)
    customer.workspace.portal.clock.advance(2 * DAY)
    customer.workspace.sync()
    assert customer.stages() == {LEFT_STAGES[practice]}
    assert customer.marks() == ({"true"} if practice != "keep-customer" else {""})
    customer.workspace.portal.clock.advance(40 * DAY)
    customer.workspace.sync()
    assert customer.stages() == {LEFT_STAGES[practice]}
    customer.buy_again()
    customer.workspace.portal.clock.advance(DAY)
    customer.workspace.sync()
    assert customer.stages() == {"customer"}
    assert customer.workspace.blank_records() == []
