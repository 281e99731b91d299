"""What the checkpoints promise: the last value, by portal and name."""

from __future__ import annotations

from sqlalchemy.orm import Session

from state import checkpoints
from tests.state.examples import OTHER_PORTAL, PORTAL


def test_a_checkpoint_tells_what_was_put_last(session: Session) -> None:
    checkpoints.put(session, PORTAL, "contacts", {"since": 1})
    checkpoints.put(session, PORTAL, "contacts", {"since": 2, "chain": ["a", None]})
    assert checkpoints.get(session, PORTAL, "contacts") == {"since": 2, "chain": ["a", None]}


def test_names_and_portals_are_kept_apart(session: Session) -> None:
    checkpoints.put(session, PORTAL, "contacts", 1)
    assert checkpoints.get(session, PORTAL, "deals") is None
    assert checkpoints.get(session, OTHER_PORTAL, "contacts") is None
