"""What limits, a canary, a pause and the watch over failures stop."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, Outcome, Ref
from connector.limiting import OverLimit, Stopped
from connector.pausing import Paused, pause, paused, resume
from connector.sync import Synced, sync
from tests.usecases.office import DAY, OPEN, WON, Office

SMALL = """
extends: standard
settings:
  limits: {always: 10, day_share: 0.2, day_backward_share: 0.1}
"""


def leads(office: Office, count: int) -> list[Ref]:
    """Create leads that have won deals."""
    people = [office.contact("lead") for _ in range(count)]
    for one in people:
        office.deal(WON, one)
    return people


def right(office: Office, count: int) -> None:
    """Create contacts that are as they should be."""
    for _ in range(count):
        office.contact("lead")


def run(office: Office, policy: str = SMALL, **more: object) -> Synced:
    office.door.advance(3600)
    return sync(office.desk(policy, **more))


def test_so_many_always_pass(office: Office) -> None:
    leads(office, 10)
    assert run(office).outcomes.total() == 10


def test_over_a_limit_nothing_is_sent_and_every_record_stays_due(office: Office) -> None:
    people = leads(office, 11)
    with pytest.raises(OverLimit) as caught:
        run(office)
    assert office.door.sent == []
    assert office.due() == tuple(people)
    assert "11 of 11 contacts, where 10 may be corrected within 24 hours" in str(caught.value)
    assert "connector plan --out plan.json" in str(caught.value)


def test_beyond_the_share_of_the_mirror_counts(office: Office) -> None:
    leads(office, 20)
    right(office, 80)
    assert run(office).outcomes.total() == 20


def test_limits_count_all_plans_of_a_day_together(office: Office) -> None:
    leads(office, 6)
    run(office)
    leads(office, 5)
    with pytest.raises(OverLimit, match=r"\(6 were already\)"):
        run(office)
    office.door.advance(DAY)
    assert run(office).outcomes.total() == 5


def test_backward_moves_have_a_limit_of_their_own(office: Office) -> None:
    people = [office.contact("customer") for _ in range(12)]
    deals = [office.deal(WON, one) for one in people]
    right(office, 100)
    office.door.advance(60)
    for one in deals:
        office.edit(one, dealstage=OPEN)
    with pytest.raises(OverLimit, match="may be moved backward"):
        run(office)
    assert office.door.sent == []


def test_an_hour_may_have_a_narrower_limit_than_a_day(office: Office) -> None:
    policy = SMALL.replace("}", ", hour_share: 0.1}")
    people = leads(office, 11)
    right(office, 89)
    with pytest.raises(OverLimit, match="where 10 may be corrected within an hour"):
        run(office, policy)
    assert office.door.sent == []
    for one in people[:6]:
        office.person_sets(one, lifecyclestage="subscriber")  # held: five are left
    assert run(office, policy).outcomes.total() == 5
    leads(office, 6)
    with pytest.raises(OverLimit, match=r"within an hour \(5 were already\)"):
        sync(office.desk(policy))
    office.door.advance(1)
    assert run(office, policy).outcomes.total() == 6


def test_backward_moves_have_a_limit_for_the_hour_too(office: Office) -> None:
    policy = SMALL.replace("}", ", hour_backward_share: 0.05}").replace("0.1,", "0.5,")
    people = [office.contact("customer") for _ in range(11)]
    deals = [office.deal(WON, one) for one in people]
    right(office, 100)
    office.door.advance(60)
    for one in deals:
        office.edit(one, dealstage=OPEN)
    with pytest.raises(OverLimit, match="may be moved backward within an hour"):
        run(office, policy)


def test_the_contacts_of_one_company_have_a_limit_over_all_plans(office: Office) -> None:
    policy = "extends: standard\nsettings: {limits: {company: 3}}"
    firm = office.company("lead")
    staff = [office.contact("lead", associatedcompanyid=firm.id) for _ in range(5)]
    for one in staff[:2]:
        office.deal(WON, one)
    assert run(office, policy).outcomes.total() == 2
    deals = [office.deal(WON, one) for one in staff[2:]]
    office.deal(WON, office.contact("lead"))
    with pytest.raises(OverLimit) as caught:
        run(office, policy)
    assert f"3 contacts of {firm}, where 3 may be corrected within 24 hours (2 were" in str(
        caught.value
    )
    assert [office.stage(one) for one in staff[2:]] == ["lead"] * len(deals)
    office.door.advance(DAY)
    assert run(office, policy).outcomes.total() == 4


def test_a_permitted_run_passes_and_does_not_count(office: Office) -> None:
    leads(office, 11)
    run(office, permitted=True)
    leads(office, 10)
    assert run(office).outcomes.total() == 10


def test_what_is_held_does_not_count(office: Office) -> None:
    people = leads(office, 15)
    office.door.advance(60)
    for one in people[:5]:
        office.person_sets(one, lifecyclestage="subscriber")
    assert run(office).outcomes.total() == 10


def test_a_large_plan_whose_first_few_are_ignored_stops_there_and_names_the_undo(
    office: Office,
) -> None:
    leads(office, 260)
    office.door.deaf = lambda _ref, _name, _value: True
    with pytest.raises(Stopped, match="connector undo run-") as caught:
        run(office, permitted=True)
    assert len({ref for sent in office.door.sent for ref in sent}) == 25
    assert "25 ignored" in str(caught.value)


def test_a_large_plan_goes_on_after_its_canary(office: Office) -> None:
    leads(office, 260)
    assert run(office, permitted=True).outcomes.total() == 260
    assert [len(one) for one in office.door.sent] == [25, 100, 100, 35]


def test_rising_refusals_stop_the_run(office: Office) -> None:
    people = leads(office, 250)
    office.door.forbidden = {(one, STAGE, "customer") for one in people[100:200]}
    with pytest.raises(Stopped, match="100 refused"):
        run(office, permitted=True)
    assert [office.stage(one) for one in people[200:]] == ["lead"] * 50


def refuse_three_more(office: Office) -> None:
    people = leads(office, 3)
    office.door.forbidden |= {(one, STAGE, "customer") for one in people}
    office.door.advance(60)


def test_refusals_in_many_small_runs_stop_the_one_that_is_refused_again(office: Office) -> None:
    for refused in (3, 6, 6):
        refuse_three_more(office)
        assert sync(office.desk()).outcomes == {Outcome.REFUSED: refused}
    refuse_three_more(office)
    with pytest.raises(Stopped, match="6 refused"):  # twelve of twelve within the hour
        sync(office.desk())


def test_a_small_run_without_a_refusal_is_not_stopped_by_those_before_it(office: Office) -> None:
    for _ in range(3):
        refuse_three_more(office)
        sync(office.desk())
    refuse_three_more(office)
    with pytest.raises(Stopped):
        sync(office.desk())
    office.door.forbidden.clear()
    people = leads(office, 1)
    office.door.advance(60)
    sync(office.desk())
    assert office.stage(people[0]) == "customer"


def test_while_paused_nothing_is_written(office: Office) -> None:
    people = leads(office, 1)
    pause(office.store, "1", at=office.door.now(), reason="import on Friday")
    with pytest.raises(Paused, match="import on Friday"):
        run(office)
    assert office.door.sent == []
    assert resume(office.store, "1")
    assert run(office).outcomes.total() == 1
    assert office.stage(people[0]) == "customer"


def test_a_file_pauses_as_well_and_between_two_batches(office: Office) -> None:
    leads(office, 150)
    office.door.after("update", 1, office.store.pause_file("1").touch)
    with pytest.raises(Paused, match="by the file"):
        run(office, permitted=True)
    assert len(office.door.sent) == 1
    assert paused(office.store, "1")
    resume(office.store, "1")
    assert paused(office.store, "1") is None
    assert not resume(office.store, "1")


def test_a_correction_that_a_workflow_reverts_twice_is_quarantined_with_its_name(
    office: Office,
) -> None:
    (person,) = leads(office, 1)
    outcomes = []
    for _ in range(4):
        outcomes.append(run(office).outcomes.total())
        office.door.advance(600)
        office.edit(person, lifecyclestage="")
        office.edit(person, lifecyclestage="lead")
    assert outcomes == [1, 1, 0, 0]
    done = run(office)
    assert done.plan.summary["left_alone"] == {"quarantined": 1}
    with office.store.reading() as session:
        from state import plans, strikes

        ((_, aside),) = plans.asides(session, "1", done.plan.plan_id)
        (strike,) = strikes.listed(session, "1")
    assert "a workflow (71830) set it back to lead" in aside.reason
    assert strike.note in aside.reason


def test_looking_at_a_plan_again_and_again_counts_a_revert_once(office: Office) -> None:
    (person,) = leads(office, 1)
    run(office)
    office.door.advance(600)
    office.edit(person, lifecyclestage="lead")
    office.door.advance(600)
    office.read_all()
    office.door.advance(600)
    with office.store.begin() as session:
        from state import mirror

        mirror.mark_due(session, "1", [person], at=office.door.now())
    for _ in range(3):
        assert office.changes(office.propose()) == [(str(person), "lead", "customer", "won")]
