"""A company and its contacts follow each other, and one pass is as good as many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connector.core.bound import BoundPolicy
from connector.core.circle import Circle, closed
from connector.core.facts import Facts, facts
from connector.core.rules import decide
from tests.core.givens import NOW, bound, company, contact, known, lost, opened, read, reopened, won

STAGES = ("", "subscriber", "lead", "salesqualifiedlead", "opportunity", "customer", "other")
DEALS = ((), (opened(),), (won(),), (lost(),), (reopened(),))
MODES = ("primary", "roll-up", "both")


def _policy(mode: str, cap: str = "opportunity") -> BoundPolicy:
    return bound(
        "extends: standard\nsettings:\n  score: {property: score}\n"
        f"  company_sync: {{mode: {mode}, contacts_to: {cap}, max_contacts: 3}}\n"
    )


def _circle(
    to: BoundPolicy, firm: tuple[str, int], people: list[tuple[str, int, str]], size: int = 0
) -> Circle:
    """Return a circle from stages, kinds of deals and scores."""
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
    return closed(to, Circle(company=its, contacts=contacts, size=size or len(contacts)))


def _stages(to: BoundPolicy, circle: Circle) -> tuple[str, ...]:
    assert circle.company
    return tuple(decide(to, one).stage for one in (circle.company, *circle.contacts))


def _moved(one: Facts, stage: str) -> Facts:
    return replace(one, stage=stage, values={**one.values, "stage": stage or None})


def _applied(circle: Circle, stages: tuple[str, ...]) -> Circle:
    assert circle.company
    return Circle(
        company=_moved(_forgetful(circle.company), stages[0]),
        contacts=tuple(
            _moved(_forgetful(one), stage)
            for one, stage in zip(circle.contacts, stages[1:], strict=True)
        ),
        size=circle.size,
    )


def _forgetful(one: Facts) -> Facts:
    """Return facts without what the others said: they are asked anew."""
    told = {"company.stage", "company.contacts", "contacts.furthest", "contacts.count"}
    return replace(one, values={key: each for key, each in one.values.items() if key not in told})


def _step_by_step(to: BoundPolicy, circle: Circle) -> tuple[str, ...]:
    """Let each follow the others as they stand, round by round, until nothing changes."""
    path = to.sides[circle.contacts[0].record.object_type].path if circle.contacts else {}
    assert circle.company
    now = (circle.company.stage, *(one.stage for one in circle.contacts))
    for _ in range(12):
        before = now
        alone = _applied(circle, now)
        assert alone.company
        ranked = [one for one in now[1:] if one in path]
        furthest = max(ranked, key=path.__getitem__, default=None)
        if furthest and path[furthest] > path["customer"]:
            furthest = "customer"
        size = float(circle.size)
        firm = replace(
            alone.company,
            values={
                **alone.company.values,
                "contacts.count": size,
                "contacts.furthest": furthest,
            },
        )
        told = {"company.contacts": size, "company.stage": now[0] or None}
        people = (replace(one, values={**one.values, **told}) for one in alone.contacts)
        now = (decide(to, firm).stage, *(decide(to, one).stage for one in people))
        if now == before:
            return now
    raise AssertionError("the circle never comes to rest")


FIRM = st.tuples(st.sampled_from(STAGES), st.integers(0, len(DEALS) - 1))
PERSON = st.tuples(
    st.sampled_from(STAGES), st.integers(0, len(DEALS) - 1), st.sampled_from(("", "10", "40", "95"))
)


@settings(max_examples=200, deadline=None)
@given(FIRM, st.lists(PERSON, max_size=5), st.sampled_from(MODES), st.booleans())
def test_deciding_a_circle_after_applying_it_changes_nothing(
    firm: tuple[str, int], people: list[tuple[str, int, str]], mode: str, far: bool
) -> None:
    to = _policy(mode, "customer" if far else "opportunity")
    circle = _circle(to, firm, people)
    stages = _stages(to, circle)
    again = closed(to, _applied(circle, stages))
    assert _stages(to, again) == stages


@settings(max_examples=200, deadline=None)
@given(FIRM, st.lists(PERSON, max_size=5), st.booleans())
def test_a_cycle_of_both_directions_ends_where_one_pass_does(
    firm: tuple[str, int], people: list[tuple[str, int, str]], far: bool
) -> None:
    # A contact without a stage gets the default one first: known-limits tells what follows.
    assume(all(stage for stage, _, _ in people))
    to = _policy("both", "customer" if far else "opportunity")
    circle = _circle(to, firm, people)
    assert _stages(to, circle) == _step_by_step(to, circle)


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
