"""A company and its contacts follow each other, and one pass is as good as many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.core.bound import BoundPolicy
from connector.core.circle import NOBODY, Circle, Pinned, closed
from connector.core.default_portal import STAGES as DEFAULT_STAGES
from connector.core.facts import Facts, facts
from connector.core.model import STAGE, ObjectType
from connector.core.rules import decide
from tests.core.givens import NOW, bound, company, contact, known, lost, opened, read, reopened, won

STAGES = ("", *DEFAULT_STAGES)
DEALS = ((), (opened(),), (won(),), (lost(),), (reopened(),))
MODES = ("primary", "roll-up", "both")
CAPS = ("opportunity", "customer")


def _policy(mode: str, cap: str = "opportunity") -> BoundPolicy:
    return bound(
        "extends: standard\nsettings:\n  score: {property: score}\n"
        f"  company_sync: {{mode: {mode}, contacts_to: {cap}, max_contacts: 3}}\n"
    )


def _circle(
    to: BoundPolicy, firm: tuple[str, int], people: list[tuple[str, int, str]], size: int = 0
) -> Circle:
    """Return a circle from stages, kinds of deals and scores, nobody knowing of the others."""
    record = company(firm[0], number="7", domain="fjord.example")
    contacts = tuple(
        facts(
            to,
            contact(stage, number=str(at), score=score),
            read(to, *DEALS[deals]),
            company=record,
            now=NOW,
        )
        for at, (stage, deals, score) in enumerate(people, 1)
    )
    its = facts(to, record, read(to, *DEALS[firm[1]]), now=NOW)
    return Circle(company=its, contacts=contacts, size=size or len(contacts))


def _members(circle: Circle) -> tuple[Facts, ...]:
    assert circle.company
    return (circle.company, *circle.contacts)


def _stage(to: BoundPolicy, one: Facts, held: Pinned) -> str:
    return decide(to, one, pinned=held.get(one.record, frozenset())).stage


def _stages(to: BoundPolicy, circle: Circle, held: Pinned = NOBODY) -> tuple[str, ...]:
    """Return where one pass leads the company and its contacts."""
    return tuple(_stage(to, one, held) for one in _members(closed(to, circle, held)))


def _moved(one: Facts, stage: str) -> Facts:
    return replace(one, stage=stage, values={**one.values, "stage": stage or None})


def _applied(circle: Circle, stages: tuple[str, ...]) -> Circle:
    firm, *people = map(_moved, _members(circle), stages)
    return Circle(company=firm, contacts=tuple(people), size=circle.size)


def _among(to: BoundPolicy, circle: Circle, at: int, stages: Sequence[str]) -> Facts:
    """Return what a member of the circle knows if the others stand at these stages."""
    path = to.sides[ObjectType.CONTACTS].path
    furthest = max((one for one in stages[1:] if one in path), key=path.__getitem__, default=None)
    if furthest == "evangelist":
        furthest = "customer"  # `company_sync.companies_to`
    of = "contacts.count" if at == 0 else "company.contacts"
    told = {"contacts.furthest": furthest} if at == 0 else {"company.stage": stages[0] or None}
    one = _members(circle)[at]
    return replace(one, values={**one.values, **told, of: float(circle.size)})


def _in_any_order(
    to: BoundPolicy, circle: Circle, order: Sequence[int], held: Pinned
) -> tuple[str, ...]:
    """Let one after the other look again at where the others come to, until all are at rest."""
    stages = [_stage(to, one, held) for one in _members(circle)]
    for _ in range(8):
        before = list(stages)
        for at in (*order, *range(len(stages))):
            if at < len(stages):
                stages[at] = _stage(to, _among(to, circle, at, stages), held)
        if stages == before:
            return tuple(stages)
    raise AssertionError("the circle never comes to rest")


def _held(circle: Circle, who: frozenset[int]) -> Pinned:
    return {one.record: frozenset({STAGE}) for at, one in enumerate(_members(circle)) if at in who}


FIRM = st.tuples(st.sampled_from(STAGES), st.integers(0, len(DEALS) - 1))
PERSON = st.tuples(
    st.sampled_from(STAGES), st.integers(0, len(DEALS) - 1), st.sampled_from(("", "10", "40", "95"))
)
PEOPLE = st.lists(PERSON, max_size=4)
HELD = st.frozensets(st.integers(0, 4), max_size=2)
POLICIES = {(mode, cap): _policy(mode, cap) for mode in MODES for cap in CAPS}


@settings(max_examples=150, deadline=None)
@given(FIRM, PEOPLE, st.sampled_from(sorted(POLICIES)), HELD)
def test_deciding_a_circle_after_applying_it_changes_nothing(
    firm: tuple[str, int],
    people: list[tuple[str, int, str]],
    which: tuple[str, str],
    who: frozenset[int],
) -> None:
    to = POLICIES[which]
    circle = _circle(to, firm, people)
    held = _held(circle, who)
    stages = _stages(to, circle, held)
    done = _applied(circle, stages)
    assert _stages(to, done, held) == stages
    seen = [_among(to, done, at, stages) for at in range(len(stages))]
    assert tuple(_stage(to, one, held) for one in seen) == stages


@settings(max_examples=150, deadline=None)
@given(FIRM, PEOPLE, st.sampled_from(CAPS), HELD, st.lists(st.integers(0, 4), max_size=8))
@example(("subscriber", 0), [("", 0, "")], CAPS[0], frozenset(), [1])
@example(("", 0), [("subscriber", 0, "")], CAPS[0], frozenset(), [1])
def test_a_cycle_of_both_directions_ends_where_one_pass_does_in_whatever_order(
    firm: tuple[str, int],
    people: list[tuple[str, int, str]],
    cap: str,
    who: frozenset[int],
    order: list[int],
) -> None:
    to = POLICIES["both", cap]
    circle = _circle(to, firm, people)
    held = _held(circle, who)
    assert _stages(to, circle, held) == _in_any_order(to, circle, order, held)


def test_a_record_without_a_stage_gets_one_of_its_own_before_it_follows() -> None:
    to = _policy("both")
    assert _stages(to, _circle(to, ("subscriber", 0), [("", 0, "")])) == ("lead", "lead")
    assert _stages(to, _circle(to, ("", 0), [("subscriber", 0, "")])) == ("lead", "lead")


def test_nobody_follows_to_where_a_held_record_will_not_come() -> None:
    to = _policy("both")
    circle = _circle(to, ("lead", 1), [("lead", 0, "95"), ("lead", 0, "")])
    assert _stages(to, circle) == ("opportunity",) * 3
    held = _held(circle, frozenset({0}))
    assert _stages(to, circle, held) == ("lead", "salesqualifiedlead", "lead")


def test_a_deal_with_2_of_300_contacts_makes_2_customers() -> None:
    to = _policy("both", "customer")
    people = [("lead", 2, ""), ("lead", 2, ""), *[("lead", 0, "")] * 298]
    stages = _stages(to, _circle(to, ("lead", 2), people))
    assert stages[0] == "customer"
    assert stages.count("customer") == 3
    assert stages.count("lead") == 298


def test_who_is_not_on_the_deal_is_no_customer_however_small_the_company() -> None:
    to = _policy("both")
    stages = _stages(to, _circle(to, ("lead", 2), [("lead", 2, ""), ("lead", 0, "")]))
    assert stages == ("customer", "customer", "lead")


def test_a_company_becomes_a_customer_with_a_contact_who_subscribes() -> None:
    to = bound(
        "extends: [subscription, company-sync]\nsettings: {subscription: {property: country}}\n"
    )
    record = company("lead", number="7")
    people = [contact("lead", country=plan) for plan in ("active", "")]
    contacts = tuple(facts(to, one, [], company=record, now=NOW) for one in people)
    firm = facts(to, record, [], now=NOW)
    assert _stages(to, Circle(company=firm, contacts=contacts, size=2)) == (
        "customer",
        "customer",
        "lead",
    )


def test_a_company_follows_its_furthest_contact_no_further_than_the_limit() -> None:
    to = _policy("roll-up")
    assert _stages(to, _circle(to, ("lead", 0), [("evangelist", 0, "")]))[0] == "customer"


def test_a_contact_whose_company_is_not_known_follows_nobody() -> None:
    to = _policy("both")
    alone = known(to, contact("lead"))
    circle = closed(to, Circle(company=None, contacts=(alone,), size=1))
    assert decide(to, circle.contacts[0]).rule == "keep"


def test_the_limit_of_companies_may_be_named_by_its_label() -> None:
    to = bound(
        "extends: standard\nsettings:\n"
        "  company_sync: {mode: roll-up, companies_to: Sales Qualified Lead}\n"
    )
    circle = _circle(to, ("lead", 0), [("customer", 0, "")])
    assert _stages(to, circle)[0] == "salesqualifiedlead"


@pytest.mark.parametrize("stage", ["", "lead"])
def test_a_stage_that_the_policy_does_not_name_is_followed_by_nobody(stage: str) -> None:
    to = bound(
        "extends: standard\nsettings:\n  stages: [lead, opportunity, customer, other]\n"
        "  company_sync: {mode: primary}\n"
    )
    circle = _circle(to, ("subscriber", 0), [(stage, 0, "")])
    assert _stages(to, circle) == ("subscriber", "lead")
