"""A portal is stored as last read, with whether it changed."""

from __future__ import annotations

from dataclasses import replace

from connector.core.model import (
    Account,
    DealStage,
    ObjectType,
    Option,
    Pipeline,
    Portal,
    PropertyDefinition,
)
from state import portals
from state.db.transaction import Transaction
from tests.state.examples import NOON

STAGES = PropertyDefinition(
    name="lifecyclestage",
    label="Livssyklusfase",
    type="enumeration",
    field_type="radio",
    options=(
        Option(value="lead", label="Lead", order=0),
        Option(value="141", label="Tidligere kunde", order=-1, hidden=True),
    ),
)
SCORE = PropertyDefinition(name="score", label="Score", type="number", read_only=True)
PORTAL = Portal(
    account=Account(portal_id="4711", time_zone="Europe/Oslo"),
    definitions={ObjectType.CONTACTS: {"lifecyclestage": STAGES, "score": SCORE}},
    pipelines=(
        Pipeline(
            id="default",
            label="Salg",
            stages=(
                DealStage(id="won", label="Vunnet", is_closed=True, probability=1.0),
                DealStage(id="odd", label="Uklar"),
            ),
        ),
    ),
)


def test_a_portal_is_loaded_as_it_was_saved(session: Transaction) -> None:
    portals.save(session, PORTAL, NOON)
    assert portals.load(session) == PORTAL


def test_an_unknown_portal_is_none(session: Transaction) -> None:
    assert portals.load(session) is None


def test_only_another_portal_is_news(session: Transaction) -> None:
    other_definitions = {ObjectType.CONTACTS: {"score": SCORE}}
    assert portals.save(session, PORTAL, NOON)
    assert not portals.save(session, PORTAL, NOON)
    assert portals.save(session, replace(PORTAL, definitions=other_definitions), NOON)


def test_the_order_in_which_properties_were_told_is_no_news() -> None:
    reordered = {ObjectType.CONTACTS: {"score": SCORE, "lifecyclestage": STAGES}}
    assert portals.digest(replace(PORTAL, definitions=reordered)) == portals.digest(PORTAL)


def test_portals_are_listed_by_id(session: Transaction) -> None:
    for portal_id in ("100", "9"):
        portals.save(session, replace(PORTAL, account=Account(portal_id=portal_id)), NOON)
    assert portals.ids(session) == ("9", "100")
