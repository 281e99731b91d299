"""What every door promises, whether a portal in memory stands behind it or one over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connector.core.model import STAGE, STATUS, ObjectType, Ref
from connector.core.tasks import Task
from connector.hubspot.faults import BatchRefused
from connector.hubspot.reader import changes
from tests.hubspot.worlds import PORTAL_ID, STAGES, World, in_a_box, in_memory

pytestmark = pytest.mark.network

CONTACTS, COMPANIES, DEALS = ObjectType.CONTACTS, ObjectType.COMPANIES, ObjectType.DEALS
TYPES = pytest.mark.parametrize("kind", list(ObjectType))


@pytest.fixture(params=["memory", "v3", "2026-03", "2026-09"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with in_memory() if request.param == "memory" else in_a_box(request.param) as found:
        yield found


def ids(page_records: object) -> list[str]:
    return [record.ref.id for record in page_records]  # type: ignore[attr-defined]  # records


def test_the_account_is_the_tokens(world: World) -> None:
    account = world.door.account()
    assert (account.portal_id, account.time_zone) == (PORTAL_ID, "Europe/Oslo")


def test_the_portal_tells_stages_in_order_statuses_and_pipelines(world: World) -> None:
    portal = world.door.portal()
    for kind in (CONTACTS, COMPANIES):
        assert tuple(one.value for one in portal.stages(kind)) == STAGES
    assert "NEW" in {one.value for one in portal.options(CONTACTS, STATUS)}
    stages = {stage.id: stage for one in portal.pipelines for stage in one.stages}
    assert (stages["closedwon"].is_closed, stages["closedwon"].probability) == (True, 1.0)
    assert (stages["closedlost"].is_closed, stages["closedlost"].probability) == (True, 0.0)
    assert stages["appointmentscheduled"].is_closed is False


def test_now_is_the_portals_time(world: World) -> None:
    before = world.door.now()
    world.advance(3600)
    world.door.account()
    moved = world.door.now() - before
    assert timedelta(seconds=3598) < moved < timedelta(seconds=3602)


@TYPES
def test_a_search_finds_what_changed_within_the_window_bounds_included(
    world: World, kind: ObjectType
) -> None:
    refs, moments = [], []
    for _ in range(4):
        refs.append(world.create(kind))
        moments.append(world.moment())
        world.advance(10)
    page = world.door.changed(kind, (), since=moments[1], until=moments[2])
    assert ids(page.records) == [refs[1].id, refs[2].id]
    assert page.total == 2
    assert [one.modified_at for one in page.records] == moments[1:3]


def test_an_edit_makes_a_record_changed_again(world: World) -> None:
    ref = world.create(CONTACTS)
    world.advance(60)
    edited = world.moment()
    world.edit(ref, jobtitle="CEO")
    page = world.door.changed(CONTACTS, ["jobtitle"], since=edited, until=edited)
    assert [one.value("jobtitle") for one in page.records] == ["CEO"]


def test_a_search_shows_two_hundred_and_counts_all(world: World) -> None:
    since = world.moment()
    for _ in range(230):
        world.create(CONTACTS)
    page = world.door.changed(CONTACTS, (), since=since, until=world.moment())
    assert (len(page.records), page.total, page.after) == (200, 230, None)


def test_a_search_by_id_goes_on_after_an_id_in_the_order_of_numbers(world: World) -> None:
    refs = [world.create(CONTACTS) for _ in range(4)]
    assert [ref.id for ref in refs] == ["98", "99", "100", "101"]
    window = {"since": world.moment() - timedelta(hours=1), "until": world.moment()}
    every = world.door.changed(CONTACTS, (), after_id="0", **window)
    rest = world.door.changed(CONTACTS, (), after_id="99", **window)
    assert (ids(every.records), every.total) == (["98", "99", "100", "101"], 4)
    assert (ids(rest.records), rest.total) == (["100", "101"], 2)


def test_a_record_holds_just_the_properties_that_were_asked_for(world: World) -> None:
    ref = world.create(CONTACTS, lifecyclestage="lead")
    world.edit(ref, jobtitle="")
    names = [STAGE, "jobtitle", "hs_object_id"]
    found = [
        world.door.read([ref], names)[ref],
        world.door.page(CONTACTS, names).records[0],
        world.door.changed(CONTACTS, names, since=world.moment(), until=world.moment()).records[0],
    ]
    for record in found:
        assert record.properties == {STAGE: "lead", "jobtitle": None, "hs_object_id": ref.id}


@TYPES
def test_a_list_meets_every_record_once(world: World, kind: ObjectType) -> None:
    refs = [world.create(kind) for _ in range(250)]
    seen: list[str] = []
    after, pages = None, 0
    while pages == 0 or after:
        page = world.door.page(kind, (), after=after)
        after, pages = page.after, pages + 1
        seen += ids(page.records)
    assert seen == [ref.id for ref in refs]
    assert pages == 3


def test_an_archived_record_is_listed_as_such_and_found_nowhere_else(world: World) -> None:
    kept, gone = world.create(CONTACTS), world.create(CONTACTS)
    world.archive(gone)
    since, until = world.moment() - timedelta(hours=1), world.moment()
    assert ids(world.door.page(CONTACTS, ()).records) == [kept.id]
    assert ids(world.door.changed(CONTACTS, (), since=since, until=until).records) == [kept.id]
    assert set(world.door.read([kept, gone], ())) == {kept}
    archived = world.door.page(CONTACTS, (), archived=True).records
    assert [(one.ref, one.archived) for one in archived] == [(gone, True)]


def test_a_read_leaves_out_what_is_not_there(world: World) -> None:
    refs = [world.create(CONTACTS) for _ in range(130)]
    missing = Ref(CONTACTS, "987654321")
    found = world.door.read([*refs, missing], ())
    assert set(found) == set(refs)
    assert all(asked == record.ref for asked, record in found.items())


def test_a_read_of_nothing_is_nothing(world: World) -> None:
    assert world.door.read([], ()) == {}
    assert world.door.associations([], CONTACTS) == {}
    assert world.door.update({}).unnamed == frozenset()


def test_a_history_is_newest_first_with_who_set_it(world: World) -> None:
    ref = world.create(CONTACTS, lifecyclestage="customer")
    for stage in ("", "lead"):
        world.advance(60)
        world.edit(ref, lifecyclestage=stage)
    versions = world.door.read([ref], (), history=[STAGE])[ref].history[STAGE]
    assert [one.value for one in versions][:3] == ["lead", "", "customer"]
    assert [one.source_type for one in versions][:2] == ["CRM_UI", "CRM_UI"]
    assert versions[0].at == world.moment()


def test_a_merged_id_answers_with_its_survivor(world: World) -> None:
    one, other = world.create(CONTACTS), world.create(CONTACTS)
    survivor = world.merge(one, other)
    found = world.door.read([other], [STAGE])
    assert {asked: record.ref for asked, record in found.items()} == {other: survivor}


def test_associations_are_told_from_both_sides_with_the_primary_company(world: World) -> None:
    contact, lonely = world.create(CONTACTS), world.create(CONTACTS)
    first, second = world.create(COMPANIES), world.create(COMPANIES)
    world.associate(contact, first, is_primary=True)
    world.associate(contact, second)
    found = world.door.associations([contact, lonely], COMPANIES)
    assert {link.target: link.is_primary for link in found[contact]} == {first: True, second: False}
    assert found[lonely] == ()
    (back,) = world.door.associations([first], CONTACTS)[first]
    assert (back.source, back.target) == (first, contact)


def test_a_company_with_many_contacts_tells_them_all(world: World) -> None:
    company = world.create(COMPANIES)
    contacts = [world.create(CONTACTS) for _ in range(620)]
    for contact in contacts:
        world.associate(contact, company)
    found = world.door.associations([company], CONTACTS)[company]
    assert {link.target for link in found} == set(contacts)


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_forward_write_is_stored_and_shown(world: World, kind: ObjectType) -> None:
    ref = world.create(kind, lifecyclestage="lead")
    world.advance(60)
    answer = world.door.update({ref: {STAGE: "customer"}})
    assert answer.updated[ref].value(STAGE) == "customer"
    assert (answer.refused, answer.unnamed) == ({}, frozenset())
    record = world.door.read([ref], [STAGE])[ref]
    assert (record.value(STAGE), record.modified_at) == ("customer", world.moment())


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_backward_write_is_answered_as_done_and_does_nothing(
    world: World, kind: ObjectType
) -> None:
    ref = world.create(kind, lifecyclestage="customer")
    answer = world.door.update({ref: {STAGE: "lead"}})
    assert set(answer.updated) == {ref}
    assert world.door.read([ref], [STAGE])[ref].value(STAGE) == "customer"


def test_a_cleared_stage_can_be_set_to_any(world: World) -> None:
    ref = world.create(CONTACTS, lifecyclestage="customer")
    world.door.update({ref: {STAGE: ""}})
    assert world.door.read([ref], [STAGE])[ref].properties == {STAGE: None}
    world.door.update({ref: {STAGE: "lead"}})
    assert world.value(ref, STAGE) == "lead"


def test_an_unknown_record_is_refused_alone(world: World) -> None:
    ref, missing = world.create(CONTACTS, lifecyclestage="lead"), Ref(CONTACTS, "987654321")
    answer = world.door.update({ref: {STAGE: "customer"}, missing: {STAGE: "customer"}})
    assert set(answer.updated) == {ref}
    assert answer.refused[missing].category == "OBJECT_NOT_FOUND"
    assert world.value(ref, STAGE) == "customer"


@pytest.mark.parametrize(
    "bad", [{"no_such_property": "x"}, {STAGE: "no_such_stage"}, {STATUS: "NO_SUCH_STATUS"}]
)
def test_one_bad_value_refuses_the_whole_batch_and_nothing_is_written(
    world: World, bad: dict[str, str]
) -> None:
    good, other = (world.create(CONTACTS, lifecyclestage="lead") for _ in range(2))
    with pytest.raises(BatchRefused) as caught:
        world.door.update({good: {STAGE: "customer"}, other: bad})
    assert caught.value.category == "VALIDATION_ERROR"
    assert world.value(good, STAGE) == "lead"


def test_a_window_is_read_whole_through_either_door(world: World) -> None:
    since = world.moment()
    refs = [world.create(CONTACTS) for _ in range(450)]
    pages = changes(world.door, CONTACTS, (), since=since, until=world.moment())
    assert {record.ref for page in pages for record in page} == set(refs)


@pytest.mark.parametrize(
    "habit",
    [
        {"rows_out_of_order": True},
        {"rows_outside_window": True},
        {"blank_in_answers": "absent"},
        {"search_daily_headers": False},
    ],
    ids=str,
)
def test_a_window_is_read_whole_under_every_habit_of_the_search(habit: dict[str, object]) -> None:
    with in_a_box("2026-03", **habit) as world:
        world.create(CONTACTS)
        world.advance(5)
        since = world.moment()
        refs = [world.create(CONTACTS) for _ in range(330)]
        for _ in range(330):
            world.advance(0.5)
            refs.append(world.create(CONTACTS))
        until = world.moment()
        world.advance(5)
        world.create(CONTACTS)
        pages = changes(world.door, CONTACTS, (), since=since, until=until)
        assert set(refs) <= {record.ref for page in pages for record in page}


def test_a_task_is_created_and_found_by_its_subject(world: World) -> None:
    contact = world.create(CONTACTS)
    one = Task(
        contact=contact,
        owner="",
        subject=f"Follow up: {contact} is ready for sales since 2026-03-01",
        body="Nobody owns it.",
        due_at=world.door.now(),
    )
    assert world.door.find_task(one.subject) is None
    made = world.door.create_task(one)
    world.advance(60)
    assert world.door.find_task(one.subject) == made
    assert world.door.find_task("Follow up") is None
