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
