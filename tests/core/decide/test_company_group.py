"""A company and its contacts follow each other, and a second pass changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.decide.company_group import (
    NONE_PINNED,
    CompanyGroup,
    PinnedProperties,
    add_group_values,
)
from connector.core.decide.decision import decide
from connector.core.decide.facts import Facts, record_facts
from connector.core.lint.default_portal import STAGES as DEFAULT_STAGES
from connector.core.model import STAGE, ObjectType
from tests.core.builders import (
    NOW,
    bind_policy,
    company,
    contact,
    facts_about,
    lost_deal,
    open_deal,
    read_deals,
    reopened_deal,
    won_deal,
)

STAGES = ("", *DEFAULT_STAGES)
DEALS = ((), (open_deal(),), (won_deal(),), (lost_deal(),), (reopened_deal(),))
MODES = ("primary", "roll-up", "both")
CONTACT_LIMITS = ("opportunity", "customer")


def _policy(mode: str, contact_limit: str = "opportunity") -> BoundPolicy:
    return bind_policy(
        "extends: standard\nsettings:\n  score: {property: score}\n"
        f"  company_sync: {{mode: {mode}, contacts_to: {contact_limit}, max_contacts: 3}}\n"
    )


def _company_group(
    policy: BoundPolicy,
    company_spec: tuple[str, int],
    contact_specs: list[tuple[str, int, str]],
    size: int = 0,
) -> CompanyGroup:
    """Return a company group from stages, kinds of deals and scores, without each other's facts."""
    record = company(company_spec[0], number="7", domain="fjord.example")
    contacts = tuple(
        record_facts(
            policy,
            contact(stage, number=str(number), score=score),
            read_deals(policy, *DEALS[deals_index]),
            company=record,
            now=NOW,
        )
        for number, (stage, deals_index, score) in enumerate(contact_specs, 1)
    )
    company_facts = record_facts(
        policy, record, read_deals(policy, *DEALS[company_spec[1]]), now=NOW
    )
    return CompanyGroup(
        company=company_facts, contacts=contacts, contact_count=size or len(contacts)
    )


def _members(company_group: CompanyGroup) -> tuple[Facts, ...]:
    assert company_group.company
    return (company_group.company, *company_group.contacts)


def _decided_stage(policy: BoundPolicy, member: Facts, pinned: PinnedProperties) -> str:
    return decide(policy, member, pinned=pinned.get(member.record, frozenset())).stage


def _decided_stages(
    policy: BoundPolicy, company_group: CompanyGroup, pinned: PinnedProperties = NONE_PINNED
) -> tuple[str, ...]:
    """Return where one pass leads the company and its contacts."""
    return tuple(
        _decided_stage(policy, member, pinned)
        for member in _members(add_group_values(policy, company_group, pinned))
    )


def _with_stage(member: Facts, stage: str) -> Facts:
    return replace(member, stage=stage, values={**member.values, "stage": stage or None})


def _apply_stages(company_group: CompanyGroup, stages: tuple[str, ...]) -> CompanyGroup:
    company_facts, *contact_facts = map(_with_stage, _members(company_group), stages)
    return CompanyGroup(
        company=company_facts,
        contacts=tuple(contact_facts),
        contact_count=company_group.contact_count,
    )


def _member_facts(
    policy: BoundPolicy, company_group: CompanyGroup, index: int, stages: Sequence[str]
) -> Facts:
    """Return the facts that a member of the group gets if the others are in these stages."""
    path = policy.object_policies[ObjectType.CONTACTS].path
    furthest = max(
        (stage for stage in stages[1:] if stage in path), key=path.__getitem__, default=None
    )
    if furthest == "evangelist":
        furthest = "customer"  # `company_sync.companies_to`
    count_name = "contacts.count" if index == 0 else "company.contacts"
    updates = (
        {"contacts.furthest": furthest} if index == 0 else {"company.stage": stages[0] or None}
    )
    member = _members(company_group)[index]
    return replace(
        member, values={**member.values, **updates, count_name: float(company_group.contact_count)}
    )


def _stages_in_order(
    policy: BoundPolicy, company_group: CompanyGroup, order: Sequence[int], pinned: PinnedProperties
) -> tuple[str, ...]:
    """Let one after the other look again at where the others come to, until all are at rest."""
    stages = [_decided_stage(policy, member, pinned) for member in _members(company_group)]
    for _ in range(8):
        before = list(stages)
        for index in (*order, *range(len(stages))):
            if index < len(stages):
                stages[index] = _decided_stage(
                    policy, _member_facts(policy, company_group, index, stages), pinned
                )
        if stages == before:
            return tuple(stages)
    raise AssertionError("the company group never stops changing")


def _pin_members(company_group: CompanyGroup, indexes: frozenset[int]) -> PinnedProperties:
    return {
        member.record: frozenset({STAGE})
        for index, member in enumerate(_members(company_group))
        if index in indexes
    }


COMPANY_SPECS = st.tuples(st.sampled_from(STAGES), st.integers(0, len(DEALS) - 1))
CONTACT_SPEC = st.tuples(
    st.sampled_from(STAGES), st.integers(0, len(DEALS) - 1), st.sampled_from(("", "10", "40", "95"))
)
CONTACT_SPECS = st.lists(CONTACT_SPEC, max_size=4)
PINNED_INDEXES = st.frozensets(st.integers(0, 4), max_size=2)
POLICIES = {
    (mode, contact_limit): _policy(mode, contact_limit)
    for mode in MODES
    for contact_limit in CONTACT_LIMITS
}


@settings(max_examples=150, deadline=None)
@given(COMPANY_SPECS, CONTACT_SPECS, st.sampled_from(sorted(POLICIES)), PINNED_INDEXES)
def test_deciding_a_company_group_after_applying_it_changes_nothing(
    company_spec: tuple[str, int],
    contact_specs: list[tuple[str, int, str]],
    policy_key: tuple[str, str],
    indexes: frozenset[int],
) -> None:
    policy = POLICIES[policy_key]
    company_group = _company_group(policy, company_spec, contact_specs)
    pinned = _pin_members(company_group, indexes)
    stages = _decided_stages(policy, company_group, pinned)
    applied = _apply_stages(company_group, stages)
    assert _decided_stages(policy, applied, pinned) == stages
    members = [_member_facts(policy, applied, index, stages) for index in range(len(stages))]
    assert tuple(_decided_stage(policy, member, pinned) for member in members) == stages


@settings(max_examples=150, deadline=None)
@given(
    COMPANY_SPECS,
    CONTACT_SPECS,
    st.sampled_from(CONTACT_LIMITS),
    PINNED_INDEXES,
    st.lists(st.integers(0, 4), max_size=8),
)
@example(("subscriber", 0), [("", 0, "")], CONTACT_LIMITS[0], frozenset(), [1])
@example(("", 0), [("subscriber", 0, "")], CONTACT_LIMITS[0], frozenset(), [1])
def test_a_cycle_of_both_directions_ends_where_one_pass_does_in_whatever_order(
    company_spec: tuple[str, int],
    contact_specs: list[tuple[str, int, str]],
    contact_limit: str,
    indexes: frozenset[int],
    order: list[int],
) -> None:
    policy = POLICIES["both", contact_limit]
    company_group = _company_group(policy, company_spec, contact_specs)
    pinned = _pin_members(company_group, indexes)
    assert _decided_stages(policy, company_group, pinned) == _stages_in_order(
        policy, company_group, order, pinned
    )


def test_a_contact_without_a_stage_gets_its_own_first_and_a_company_follows_at_once() -> None:
    policy = _policy("both")
    assert _decided_stages(policy, _company_group(policy, ("subscriber", 0), [("", 0, "")])) == (
        "lead",
        "lead",
    )
    assert _decided_stages(policy, _company_group(policy, ("", 0), [("subscriber", 0, "")])) == (
        "subscriber",
        "subscriber",
    )


def test_nobody_follows_to_where_a_held_record_will_not_come() -> None:
    policy = _policy("both")
    company_group = _company_group(policy, ("lead", 1), [("lead", 0, "95"), ("lead", 0, "")])
    assert _decided_stages(policy, company_group) == ("opportunity",) * 3
    pinned = _pin_members(company_group, frozenset({0}))
    assert _decided_stages(policy, company_group, pinned) == ("lead", "salesqualifiedlead", "lead")


def test_a_deal_with_2_of_300_contacts_makes_2_customers() -> None:
    policy = _policy("both", "customer")
    contact_specs = [("lead", 2, ""), ("lead", 2, ""), *[("lead", 0, "")] * 298]
    stages = _decided_stages(policy, _company_group(policy, ("lead", 2), contact_specs))
    assert stages[0] == "customer"
    assert stages.count("customer") == 3
    assert stages.count("lead") == 298


def test_who_is_not_on_the_deal_is_no_customer_however_small_the_company() -> None:
    policy = _policy("both")
    stages = _decided_stages(
        policy, _company_group(policy, ("lead", 2), [("lead", 2, ""), ("lead", 0, "")])
    )
    assert stages == ("customer", "customer", "lead")


def test_a_company_becomes_a_customer_with_a_contact_who_subscribes() -> None:
    policy = bind_policy(
        "extends: [subscription, company-sync]\nsettings: {subscription: {property: country}}\n"
    )
    record = company("lead", number="7")
    contact_records = [contact("lead", country=plan) for plan in ("active", "")]
    contacts = tuple(
        record_facts(policy, contact_record, [], company=record, now=NOW)
        for contact_record in contact_records
    )
    company_facts = record_facts(policy, record, [], now=NOW)
    assert _decided_stages(
        policy, CompanyGroup(company=company_facts, contacts=contacts, contact_count=2)
    ) == (
        "customer",
        "customer",
        "lead",
    )


def test_a_company_follows_its_furthest_contact_no_further_than_the_limit() -> None:
    policy = _policy("roll-up")
    assert (
        _decided_stages(policy, _company_group(policy, ("lead", 0), [("evangelist", 0, "")]))[0]
        == "customer"
    )


def test_a_contact_whose_company_is_not_known_follows_nobody() -> None:
    policy = _policy("both")
    contact_facts = facts_about(policy, contact("lead"))
    company_group = add_group_values(
        policy, CompanyGroup(company=None, contacts=(contact_facts,), contact_count=1)
    )
    assert decide(policy, company_group.contacts[0]).rule == "keep"


def test_the_limit_of_companies_may_be_named_by_its_label() -> None:
    policy = bind_policy(
        "extends: standard\nsettings:\n"
        "  company_sync: {mode: roll-up, companies_to: Sales Qualified Lead}\n"
    )
    company_group = _company_group(policy, ("lead", 0), [("customer", 0, "")])
    assert _decided_stages(policy, company_group)[0] == "salesqualifiedlead"


@pytest.mark.parametrize("stage", ["", "lead"])
def test_a_stage_that_the_policy_does_not_name_is_followed_by_nobody(stage: str) -> None:
    policy = bind_policy(
        "extends: standard\nsettings:\n  stages: [lead, opportunity, customer, other]\n"
        "  company_sync: {mode: primary}\n"
    )
    company_group = _company_group(policy, ("subscriber", 0), [(stage, 0, "")])
    assert _decided_stages(policy, company_group) == ("subscriber", "lead")
