"""In a history, ours is what our own app wrote, and not what any other integration did."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, Ref
from connector.operations.sync import sync
from connector.plan.own_sources import own_sources
from tests.fakes.connected_portal import LOST, SQL, WON, ConnectedPortal


def learn_own_id(portal: ConnectedPortal) -> None:
    """Let a write of ours be read back, as every portal has many."""
    portal.deal(WON, portal.contact("lead"))
    portal.api.advance(3600)
    sync(portal.context())
    assert own_sources(portal.context()) == {("INTEGRATION", "1")}


def edit_as_integration(portal: ConnectedPortal, ref: Ref, stage: str) -> None:
    portal.api.put(ref, {STAGE: stage}, source_type="INTEGRATION", source_id="4711")


@pytest.mark.parametrize("other_writes", [True, False])
def test_an_edit_that_another_integration_replaced_is_not_put_back_over_it(
    portal: ConnectedPortal, *, other_writes: bool
) -> None:
    learn_own_id(portal)
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    portal.api.advance(3600)

    def edit() -> None:
        portal.api.advance(1)
        portal.edit_as_person(contact, lifecyclestage=SQL)
        portal.api.advance(1)
        if other_writes:
            # The very value that we send: our own write then leaves no version.
            edit_as_integration(portal, contact, "customer")

    portal.api.before("update", portal.api.requests["update"] + 1, edit)
    sync(portal.context())

    assert portal.stage(contact) == ("customer" if other_writes else SQL)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_clear_of_ours_without_an_audit_line_is_not_taken_for_another_program_s(
    portal: ConnectedPortal, *, is_ours: bool
) -> None:
    learn_own_id(portal)
    contact = portal.contact("opportunity")
    portal.deal(LOST, contact)
    portal.api.advance(3600)
    if is_ours:
        portal.clear_as_connector(contact)
    else:
        edit_as_integration(portal, contact, "")
    portal.api.advance(60)

    sync(portal.context())

    assert bool(portal.stage(contact)) == is_ours


def test_the_id_of_a_replaced_token_is_forgotten_after_some_writes(
    portal: ConnectedPortal,
) -> None:
    learn_own_id(portal)
    original_put = portal.api.put
    for _ in range(11):
        contact = portal.contact("lead")
        portal.deal(WON, contact)
        portal.api.advance(3600)
        portal.api.before(
            "update",
            portal.api.requests["update"] + 1,
            lambda ref=contact: original_put(  # type: ignore[misc]  # bound to this round
                ref, {STAGE: "customer"}, source_type="INTEGRATION", source_id="2"
            ),
        )
        sync(portal.context(permitted=True))
    assert own_sources(portal.context()) == {("INTEGRATION", "2")}
