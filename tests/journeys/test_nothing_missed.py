"""Nothing missed, nothing asked twice: reading a portal that has all of HubSpot's habits."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.core.model import ObjectType, Ref
from connector.proving import verify_mirror
from connector.pull import pull
from connector.rolling import roll_round
from connector.sandbox.portal import Portal
from connector.sync import sync
from state import mirror
from tests.journeys.bench import Bench, new_portal
from tests.journeys.cast import LOST, OPEN, contact, deal
from tests.journeys.mirrored import differences

SetUp = Callable[..., Bench]
CONTACTS = ObjectType.CONTACTS


def read(bench: Bench) -> None:
    with bench.desk() as desk:
        pull(desk)


def poll(bench: Bench, *, minutes: int, every: int = 5) -> None:
    with bench.desk() as desk:
        for _ in range(minutes // every):
            bench.portal.clock.advance(every * 60)
            pull(desk)


def mirrored(bench: Bench) -> int:
    with bench.store() as store, store.reading() as session:
        return mirror.count(session, str(bench.portal.portal_id))[CONTACTS]


def people(portal: Portal, count: int, *, apart: float = 0.0) -> None:
    """Create contacts, so many seconds apart."""
    now = portal.clock.now()
    for number in range(count):
        portal.create(
            "contacts",
            {"email": f"p{number}@fjord.example", "lifecyclestage": "lead"},
            at=now + timedelta(seconds=number * apart),
        )


def test_twelve_thousand_contacts_with_one_timestamp_are_all_mirrored(bench: Bench) -> None:
    read(bench)
    bench.portal.clock.advance(60)
    people(bench.portal, 12_000)
    bench.portal.clock.advance(1)
    read(bench)
    assert mirrored(bench) == 12_000


def test_twenty_five_thousand_changes_in_one_window_are_all_mirrored(bench: Bench) -> None:
    read(bench)
    people(bench.portal, 25_000, apart=0.01)
    bench.portal.clock.advance(300)
    read(bench)
    assert mirrored(bench) == 25_000
    assert differences(bench) == {}


def test_a_record_that_the_search_shows_fifty_minutes_late_is_found(bench: Bench) -> None:
    read(bench)
    poll(bench, minutes=20)
    bench.portal.switches.search_lag_seconds = 50 * 60.0
    late = contact(bench.portal, "late", days=0)
    poll(bench, minutes=45)
    assert mirrored(bench) == 0
    bench.portal.switches.search_lag_seconds = 0.0

    poll(bench, minutes=120)

    assert bench.portal.record("contacts", late)
    assert mirrored(bench) == 1


def test_rows_out_of_order_and_modified_while_paging_end_as_in_the_portal(bench: Bench) -> None:
    portal, chance = bench.portal, random.Random(4)
    read(bench)
    portal.switches.rows_out_of_order = True
    portal.switches.rows_outside_window = True
    people(portal, 2_000, apart=0.1)
    portal.clock.advance(300)

    def modify(_: object) -> None:
        for _ in range(3):
            one = chance.choice(portal.records("contacts"))
            portal.edit("contacts", str(one.id), {"jobtitle": str(chance.random())})

    bench.box.after = modify
    read(bench)
    bench.box.after = None
    portal.clock.advance(60)
    read(bench)

    assert differences(bench) == {}


def test_a_portal_unchanged_for_longer_than_the_overlap_costs_three_searches_a_poll(
    bench: Bench,
) -> None:
    for number in range(300):
        contact(bench.portal, f"p{number}", "lead")
    bench.sync()
    bench.portal.clock.advance(3600)
    bench.sync()
    bench.portal.clock.advance(600)
    bench.box.forget()
    bench.sync()
    assert Counter(one.route for one in bench.box.requests if one.route != "properties") == {
        "search": 3,
        "account": 1,
        "pipelines": 1,
    }


def test_a_thousand_changed_contacts_are_put_right_with_twenty_requests_at_most(
    bench: Bench,
) -> None:
    portal = bench.portal
    refs = [contact(portal, f"p{number}", "lead") for number in range(960)]
    back = [contact(portal, f"b{number}", "opportunity", "OPEN_DEAL") for number in range(40)]
    for one in refs[:160]:
        deal(portal, [OPEN], contacts=[one])
    ended = [deal(portal, [OPEN], contacts=[one]) for one in back]
    for one in refs[:160]:
        portal.edit("contacts", one, {"lifecyclestage": "opportunity", "hs_lead_status": ""})
    bench.sync()
    for one in ended:
        portal.edit("deals", one, {"dealstage": LOST})
    bench.sync()
    portal.clock.advance(7200)
    bench.sync()
    portal.clock.advance(600)
    wrong = {one: {"hs_lead_status": "NEW"} for one in refs[:160]}
    wrong |= {one: {"lifecyclestage": "opportunity"} for one in back}
    for number, one in enumerate([*refs, *back]):
        values = {"jobtitle": f"chef {number}", **wrong.get(one, {})}
        portal.edit("contacts", one, values, source="AUTOMATION_PLATFORM")  # nobody's own word
        portal.clock.advance(0.05)
    portal.clock.advance(60)

    with bench.desk() as desk:
        desk.door.account()
        bench.box.forget()  # the portal's own definitions
        done = sync(replace(desk, permitted=True))  # a fifth of all contacts is over a limit

    routes = Counter(one.route for one in bench.box.requests)
    assert done.pulled is not None
    assert done.pulled.changed[CONTACTS] == 1000
    assert len({str(one.record) for one in bench.audited() if one.run == done.run}) == 200
    assert done.plan.summary["by_direction"]["backward"] == 40
    assert sum(routes.values()) <= 20, routes


def _spoil(bench: Bench, refs: list[Ref]) -> None:
    with bench.store() as store, store.begin() as session:
        mirror.erase(session, str(bench.portal.portal_id), refs)


def test_the_proof_finds_what_the_mirror_lacks_and_what_it_should_not_have(bench: Bench) -> None:
    portal = bench.portal
    people(portal, 3_000, apart=0.5)
    portal.clock.advance(3600)
    read(bench)
    portal.clock.advance(3600)
    records = portal.records("contacts")
    _spoil(bench, [Ref(CONTACTS, str(one.id)) for one in records[700:707]])
    for one in records[2000:2003]:
        portal.archive("contacts", str(one.id))

    with bench.desk() as desk:
        bench.box.forget()
        found = {one.kind: one for one in verify_mirror(desk)}[CONTACTS]

    assert (found.missing, found.gone, found.agrees) == (7, 3, True)
    assert (found.portal, found.mirrored) == (2997, 2993)
    assert bench.box.count("search") < 60
    assert differences(bench) == {}


def test_a_complete_mirror_is_proven_with_a_count_and_a_sample_for_each_type(
    bench: Bench,
) -> None:
    people(bench.portal, 500, apart=1)
    bench.portal.clock.advance(3600)
    read(bench)
    with bench.desk() as desk:
        desk.door.account()
        bench.box.forget()
        proofs = verify_mirror(desk)
    assert [one.repaired for one in proofs] == [0, 0, 0]
    assert Counter(one.route for one in bench.box.requests) == {"search": 9, "batch_read": 1}


@pytest.mark.parametrize("bumps", [True, False])
def test_association_changes_are_known_after_the_rolling_re_read(
    set_up: SetUp, bumps: bool
) -> None:
    portal = new_portal()
    portal.switches.association_bumps_modified = bumps
    old, new = contact(portal, "old"), contact(portal, "new")
    made = deal(portal, [OPEN], contacts=[old])
    bench = set_up(portal)
    portal.clock.advance(600)
    read(bench)
    portal.clock.advance(600)
    portal.dissociate("deals", made, "contacts", old)
    portal.associate("deals", made, "contacts", new)
    portal.clock.advance(60)
    read(bench)
    assert (differences(bench) == {}) is bumps
    with bench.desk() as desk:
        roll_round(desk)
    assert differences(bench) == {}
