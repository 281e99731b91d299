"""The ledger keeps every version once, newest first, and HubSpot's versions before the mirror's."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from connector.core.model import Version
from state import ledger
from state.db.store import Store
from state.db.transaction import Transaction
from tests.state.examples import NOON, OTHER_PORTAL, PORTAL, at, contact, deal, in_portal, version

STAGE = "dealstage"
histories = st.lists(
    st.builds(version, st.sampled_from(["", "open", "won", "lost"]), st.integers(0, 99)),
    unique_by=lambda entry: (entry.at, entry.value),
    max_size=8,
)


@given(history=histories)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_history_is_told_newest_first_however_often_it_was_observed(
    store: Store, history: list[Version]
) -> None:
    with store.begin(PORTAL) as session:
        session.execute(text("DELETE FROM ledger"))
        for _ in range(2):
            ledger.store_histories(session, STAGE, {deal(1): history})
        stored = ledger.read_versions(session, [deal(1)], STAGE)
    newest_first = sorted(history, key=lambda entry: (entry.at, entry.value), reverse=True)
    assert stored == {deal(1): tuple(newest_first)}


def test_the_versions_of_all_records_are_told_record_by_record_oldest_first(
    session: Transaction,
) -> None:
    ledger.store_histories(session, STAGE, {deal(2): [version("won", 2), version("open", 1)]})
    ledger.store_histories(session, STAGE, {deal(1): [version("open", 3)]})
    ledger.store_histories(session, "pipeline", {deal(1): [version("default", 3)]})
    ledger.store_histories(in_portal(session, OTHER_PORTAL), STAGE, {deal(3): [version("open", 3)]})
    rows = [
        (ref, name, [entry.value for entry in versions])
        for ref, name, versions in ledger.read_histories(session, [STAGE])
    ]
    assert rows == [(deal(1), STAGE, ["open"]), (deal(2), STAGE, ["open", "won"])]


def test_a_set_in_the_millisecond_of_its_clear_is_the_newer_one(session: Transaction) -> None:
    versions = [version("", 0), version("open", 0)]
    ledger.store_histories(session, STAGE, {deal(1): versions})
    newest, cleared = ledger.read_versions(session, [deal(1)], STAGE)[deal(1)]
    assert (newest.value, cleared.value) == ("open", "")


def test_what_hubspot_tells_replaces_what_the_mirror_saw(session: Transaction) -> None:
    ledger.store_sightings(session, STAGE, {deal(1): [version("won", 0, ledger.MIRROR)]})
    ledger.store_histories(session, STAGE, {deal(1): [version("won", 0)]})
    ledger.store_sightings(session, STAGE, {deal(1): [version("won", 0, ledger.MIRROR)]})
    stored = ledger.read_versions(session, [deal(1)], STAGE)
    assert stored == {deal(1): (version("won", 0),)}


def test_a_sighting_of_what_hubspot_told_is_left_out(session: Transaction) -> None:
    versions = [version("open", 0), version("won", 5)]
    ledger.store_histories(session, STAGE, {deal(1): versions})
    sightings = [version(value, when, ledger.MIRROR) for value, when in (("open", 1), ("won", 6))]
    ledger.store_sightings(session, STAGE, {deal(1): sightings})
    assert ledger.read_versions(session, [deal(1)], STAGE)[deal(1)] == (
        versions[1],
        versions[0],
    )


def test_a_sighting_that_hubspot_no_longer_tells_is_kept(session: Transaction) -> None:
    ledger.store_histories(session, STAGE, {deal(1): [version("open", 9)]})
    sighting = version("won", 5, ledger.MIRROR)
    ledger.store_sightings(session, STAGE, {deal(1): [sighting]})
    assert ledger.read_versions(session, [deal(1)], STAGE)[deal(1)] == (
        version("open", 9),
        sighting,
    )


def test_records_properties_and_portals_are_kept_apart(session: Transaction) -> None:
    ledger.store_histories(session, STAGE, {deal(1): [version("a", 0)], deal(2): [version("b", 0)]})
    ledger.store_histories(session, "amount", {deal(1): [version("5", 0)]})
    ledger.store_histories(in_portal(session, OTHER_PORTAL), STAGE, {deal(1): [version("z", 0)]})
    assert ledger.read_versions(session, [deal(1), deal(2), deal(3)], STAGE) == {
        deal(1): (version("a", 0),),
        deal(2): (version("b", 0),),
        deal(3): (),
    }


def test_until_when_a_history_is_known_is_remembered(session: Transaction) -> None:
    ledger.mark_read(session, [deal(1), deal(2)], at=NOON)
    ledger.mark_read(session, [deal(2)], at=at(5))
    read_times = ledger.history_read_until(session, [deal(1), deal(2), deal(3)])
    assert read_times == {deal(1): NOON, deal(2): at(5)}
    assert ledger.history_read_until(in_portal(session, OTHER_PORTAL), [deal(1)]) == {}


def test_what_was_replaced_by_then_is_forgotten_and_what_stood_then_stays(
    session: Transaction,
) -> None:
    versions = [
        version(value, minutes) for minutes, value in enumerate(["lead", "sql", "lead", "mql"])
    ]
    ledger.store_histories(session, "lifecyclestage", {contact(1): versions})
    ledger.store_histories(
        in_portal(session, OTHER_PORTAL), "lifecyclestage", {contact(1): versions}
    )
    ledger.store_histories(session, STAGE, {deal(1): versions})
    ledger.prune(session, before=at(2))
    assert _values(session, PORTAL) == ["mql", "lead"]
    assert _values(session, OTHER_PORTAL) == ["mql", "lead", "sql", "lead"]
    assert len(ledger.read_versions(session, [deal(1)], STAGE)[deal(1)]) == 4


def test_a_value_that_was_set_again_keeps_its_beginning(session: Transaction) -> None:
    versions = [version("sql", 0), version("lead", 1), version("lead", 2), version("lead", 3)]
    ledger.store_histories(session, "lifecyclestage", {contact(1): versions})
    ledger.prune(session, before=at(9))
    assert _values(session, PORTAL) == ["lead", "lead", "lead"]


def test_of_two_values_of_one_moment_the_one_told_as_the_later_stays(session: Transaction) -> None:
    ledger.store_histories(session, "lifecyclestage", {contact(1): [version("", 1)]})
    ledger.store_histories(session, "lifecyclestage", {contact(1): [version("lead", 1)]})
    ledger.prune(session, before=at(1))
    assert _values(session, PORTAL) == ["lead"]


def _values(session: Transaction, portal_id: str) -> list[str]:
    versions = ledger.read_versions(in_portal(session, portal_id), [contact(1)], "lifecyclestage")
    return [entry.value for entry in versions[contact(1)]]
