"""Checkpoints return the last value, by portal and name."""

from __future__ import annotations

from state import checkpoints
from state.db.transaction import Transaction
from tests.state.examples import OTHER_PORTAL, in_portal


def test_a_checkpoint_tells_what_was_put_last(session: Transaction) -> None:
    checkpoints.put(session, "contacts", {"since": 1})
    checkpoints.put(session, "contacts", {"since": 2, "chain": ["a", None]})
    assert checkpoints.get(session, "contacts") == {"since": 2, "chain": ["a", None]}


def test_names_and_portals_are_kept_apart(session: Transaction) -> None:
    checkpoints.put(session, "contacts", 1)
    assert checkpoints.get(session, "deals") is None
    assert checkpoints.get(in_portal(session, OTHER_PORTAL), "contacts") is None


def test_the_portals_that_have_a_checkpoint_are_listed(session: Transaction) -> None:
    assert checkpoints.portals_with(session, "contacts") == ()
    checkpoints.put(session, "deals", 1)
    checkpoints.put(in_portal(session, OTHER_PORTAL), "contacts", 1)
    assert checkpoints.portals_with(session, "contacts") == (OTHER_PORTAL,)
