"""A rule that a person reviewed in a portal is introduced there and nowhere else."""

from __future__ import annotations

from state import introduced_rules
from state.db.transaction import Transaction
from tests.state.examples import OTHER_PORTAL, at, in_portal


def test_a_rule_is_introduced_in_its_portal_alone(session: Transaction) -> None:
    introduced_rules.add(session, ["won", "lost"], run="r1", at=at(0))
    introduced_rules.add(session, ["won"], run="r2", at=at(1))
    assert introduced_rules.read(session) == {"won", "lost"}
    assert introduced_rules.read(in_portal(session, OTHER_PORTAL)) == frozenset()


def test_introducing_nothing_is_nothing(session: Transaction) -> None:
    introduced_rules.add(session, [], run="r1", at=at(0))
    assert introduced_rules.read(session) == frozenset()
