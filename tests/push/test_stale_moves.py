"""A record that changed after the decision is left alone, and decided anew."""

from __future__ import annotations

from connector.core.model import STAGE, Outcome, Ref
from tests.fakes.connected_portal import (
    SQL,
    ConnectedPortal,
)
from tests.push.pushed_records import (
    create_reopened_customer,
    create_won_lead,
    quarantine_notes,
    run,
)


def edit_before_recheck(portal: ConnectedPortal, ref: Ref, **properties: str) -> None:
    """Let somebody change a record just before it is looked at again."""
    portal.api.before("read", 2, lambda: portal.edit(ref, **properties))


# What changed between the plan and the write


def test_a_record_that_changed_since_is_stale_and_decided_anew(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    edit_before_recheck(portal, contact, **{STAGE: "evangelist"})
    result = run(portal)
    assert portal.api.sent_updates == []
    assert portal.stage(contact) == "evangelist"
    assert result.outcomes == {Outcome.STALE: 1}
    assert quarantine_notes(portal) == []


def test_a_stale_record_is_put_right_in_the_same_run_where_it_is_still_wrong(
    portal: ConnectedPortal,
) -> None:
    contact = create_won_lead(portal)
    edit_before_recheck(portal, contact, **{STAGE: SQL})
    result = run(portal)
    assert portal.stage(contact) == "customer"
    assert result.outcomes == {Outcome.STALE: 1, Outcome.APPLIED: 1}


def test_a_record_archived_since_is_stale_and_out_of_the_mirror(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.before("read", 2, lambda: portal.api.archive(contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 1}
    assert portal.mirrored(contact) is None
    assert run(portal).plan.summary.corrections == 0


def test_a_record_merged_since_is_stale_and_only_the_survivor_goes_on(
    portal: ConnectedPortal,
) -> None:
    contact, survivor = create_won_lead(portal), portal.contact("lead")
    portal.api.before("read", 2, lambda: portal.api.merge(survivor, contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 1}
    assert portal.api.sent_updates == []
    assert portal.mirrored(contact) is None
    assert portal.mirrored(survivor) is not None


def test_a_record_merged_while_it_is_written_is_out_of_the_mirror_too(
    portal: ConnectedPortal,
) -> None:
    contact, survivor = create_won_lead(portal), portal.contact("lead")
    portal.api.after("update", 1, lambda: portal.api.merge(survivor, contact))
    run(portal)
    assert portal.mirrored(contact) is None
    assert portal.open_moves() == ()


def test_a_record_archived_between_clear_and_set_ends_stale(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    portal.api.after("update", 1, lambda: portal.api.archive(contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 2}
    assert portal.mirrored(contact) is None
    assert portal.open_moves() == ()


def test_a_record_archived_before_its_clear_ends_stale_without_a_failed_correction(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    portal.api.before("update", 1, lambda: portal.api.archive(contact))
    result = run(portal)
    assert result.outcomes == {Outcome.STALE: 2}
    assert portal.mirrored(contact) is None
