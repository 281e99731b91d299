"""Groups of a first plan that somebody may not want, each with the setting that ends it."""

from __future__ import annotations

from typing import Any

import pytest

from connector.core.corrections.plan import UnwantedGroup
from connector.core.decide.decision import decide
from connector.core.explain.unwanted_corrections import UnwantedCounter
from connector.core.model import DealStage, Pipeline, Record
from tests.core import builders
from tests.core.builders import bind_policy, company, contact, deal_record, with_status_by

RECRUITING = Pipeline(
    id="hire",
    label="Recruiting",
    stages=(
        DealStage(id="applied", label="Applied", is_closed=False, probability=0.2),
        DealStage(id="hired", label="Hired", is_closed=True, probability=1.0),
    ),
)
PORTAL = builders.portal(pipelines=[RECRUITING])
OLD, NEW = "2024-01-01T00:00:00Z", "2026-05-20T00:00:00Z"


def form(name: str, at: str) -> dict[str, str]:
    return {
        "recent_conversion_event_name": name,
        "first_conversion_event_name": name,
        "recent_conversion_date": at,
        "num_conversion_events": "1",
    }


APPLICATION = deal_record("applied", pipeline="hire")
HIRED = deal_record("hired", "8", pipeline="hire")
SALE = deal_record("contractsent", "7")
BY_HAND = "CRM_UI"
STANDARD = "extends: standard\n"
CASES: dict[str, tuple[str, Record, tuple[Record, ...], bool]] = {
    "pipeline": (STANDARD, contact("lead"), (APPLICATION,), True),
    "form": (STANDARD, contact("lead", **form("Book a demo", NEW)), (), True),
    "blank": (STANDARD, contact(), (), True),
    "status-by-hand": (
        STANDARD,
        with_status_by(BY_HAND, contact("customer", "IN_PROGRESS")),
        (SALE,),
        True,
    ),
    "customer-without-deal": (STANDARD, contact("customer"), (), False),
    "blank-company": (STANDARD, company(), (), False),
    "verdict": (STANDARD, with_status_by(BY_HAND, contact("lead", "UNQUALIFIED")), (), False),
    "old-form": (STANDARD, contact("lead", **form("Book a demo", OLD)), (), False),
}


def groups(
    policy_text: str,
    *records: tuple[Record, tuple[Record, ...]],
    introduced: frozenset[str] = frozenset(),
) -> tuple[UnwantedGroup, ...]:
    """Return the groups of a first plan that decides these records with their deals."""
    policy = bind_policy(policy_text, PORTAL)
    labels = {pipeline.id: pipeline.label for pipeline in PORTAL.pipelines}
    counter = UnwantedCounter(policy, labels, introduced)
    for record, deals in records:
        facts = builders.facts_about(policy, record, *((deal, ()) for deal in deals))
        counter.add(facts, decide(policy, facts))
    return counter.groups()


def kinds(*arguments: Any, **keywords: Any) -> list[str]:
    return [group.kind for group in groups(*arguments, **keywords)]


@pytest.mark.parametrize("kind", CASES)
def test_each_group_ends_with_the_setting_that_it_names(kind: str) -> None:
    text, record, deals, is_corrected = CASES[kind]
    (group,) = groups(text, (record, deals))
    assert (group.kind, group.records, group.is_corrected) == (kind, 1, is_corrected)
    assert group.examples == (str(record.ref),)
    assert kind not in kinds(f"{text}{group.setting}\n", (record, deals))


@pytest.mark.parametrize(
    ("text", "record", "deals", "kind"),
    [
        # A company's default and the pipelines that are left out already stay in the setting.
        (STANDARD + "settings: {company_default_stage: lead}\n", company(), (), "blank"),
        (
            STANDARD + "settings: {lead_status: {outside: clear}}\n",
            with_status_by(BY_HAND, contact("lead", "IN_PROGRESS")),
            (),
            "status-by-hand",
        ),
        (STANDARD, company("lead"), (HIRED,), "pipeline"),
        (STANDARD, contact(**form("Newsletter", NEW)), (), "form"),
        (STANDARD, contact("subscriber", **form("Newsletter", NEW)), (), "form"),
    ],
)
def test_other_records_of_a_kind_have_settings_that_end_it_as_well(
    text: str, record: Record, deals: tuple[Record, ...], kind: str
) -> None:
    (group,) = groups(text, (record, deals))
    assert group.kind == kind
    changed = groups(f"{STANDARD}{group.setting}\n", (record, deals))
    assert (kind, group.is_corrected) not in {(left.kind, left.is_corrected) for left in changed}


def test_ordinary_groups_show_where_they_are_too_many_to_go_unasked() -> None:
    contacts = [(contact("lead", number=str(number)), (SALE,)) for number in range(1, 12)]
    assert groups(STANDARD, *contacts[:10]) == ()
    status_group, group = groups(STANDARD, *contacts)
    assert (status_group.rule, status_group.text) == ("status-open-deal", "→ Open Deal")
    assert (group.kind, group.rule, group.records) == ("ordinary", "open-deal", 11)
    assert group.examples == ("contacts/1", "contacts/2", "contacts/3")
    assert group.text == "→ Opportunity"
    kept = kinds(f"{STANDARD}{group.setting}\n", *contacts)
    assert kept == []


def test_a_lead_status_row_and_an_alias_can_be_kept_as_well() -> None:
    waiting = [(contact("salesqualifiedlead", number=str(n)), ()) for n in range(1, 12)]
    (group,) = groups(STANDARD, *waiting)
    assert (group.rule, group.setting.partition(":")[0]) == ("status-new", "lead_status")
    assert kinds(f"{STANDARD}{group.setting}\n", *waiting) == []
    aliases = STANDARD + "settings: {aliases: {subscriber: lead}}\n"
    subscribers = [(contact("subscriber", number=str(n)), ()) for n in range(1, 12)]
    (group,) = groups(aliases, *subscribers)
    assert (group.rule, group.setting) == ("alias", "settings: {aliases: {}}")


def test_a_deal_of_a_sales_pipeline_beside_it_makes_a_group_ordinary() -> None:
    assert kinds(STANDARD, (contact("lead"), (APPLICATION, SALE))) == []


def test_rules_that_were_introduced_are_in_no_group() -> None:
    records = [(contact("lead"), (APPLICATION,)), (contact("customer", number="2"), ())]
    assert kinds(STANDARD, *records) == ["pipeline", "customer-without-deal"]
    introduced = frozenset({"open-deal"})
    assert kinds(STANDARD, *records, introduced=introduced) == ["pipeline"]
    introduced |= {"status-open-deal"}
    assert kinds(STANDARD, *records, introduced=introduced) == []


def test_a_score_that_hands_over_is_no_form() -> None:
    text = STANDARD + "settings: {score: {property: score}}\n"
    scored = [(contact("lead", number=str(n), score="90"), ()) for n in range(1, 12)]
    assert [(group.kind, group.rule) for group in groups(text, *scored)] == [
        ("ordinary", "status-new"),
        ("ordinary", "handover"),
    ]


def test_a_company_follows_the_pipeline_of_its_deals_as_well() -> None:
    (group,) = groups(STANDARD, (company("lead"), (APPLICATION,)))
    assert (group.object_type, group.kind) == ("companies", "pipeline")


def test_a_rule_of_ones_own_called_subscribed_may_go_by_something_else() -> None:
    own = "rules: [{name: subscribed, when: always, stage: keep, reason: mine}]\n"
    assert kinds(STANDARD + own, (contact("subscriber"), ())) == []


def test_an_old_form_shows_only_where_it_would_move_the_contact() -> None:
    old = form("Book a demo", OLD)
    assert kinds(STANDARD, (contact("salesqualifiedlead", "NEW", **old), ())) == []
    other_form = form("E-book", OLD)
    assert kinds(STANDARD, (contact("lead", **other_form), ())) == []
