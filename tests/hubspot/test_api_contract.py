"""The contract of HubSpotApi, tested with a portal in memory and with one over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connector.core.follow_up.tasks import Task
from connector.core.model import STAGE, STATUS, ObjectType, Ref
from connector.hubspot.api import TokenKind
from connector.hubspot.http.failures import BatchRefused
from connector.hubspot.search_window import read_changes
from tests.hubspot.portals_under_test import (
    PORTAL_ID,
    STAGES,
    PortalUnderTest,
    fake_portal,
    sandbox_portal,
)

pytestmark = pytest.mark.network

CONTACTS, COMPANIES, DEALS = ObjectType.CONTACTS, ObjectType.COMPANIES, ObjectType.DEALS
TYPES = pytest.mark.parametrize("kind", list(ObjectType))


@pytest.fixture(params=["memory", "v3", "2026-03", "2026-09"])
def hubspot(request: pytest.FixtureRequest) -> Iterator[PortalUnderTest]:
    with (
        fake_portal()
        if request.param == "memory"
        else sandbox_portal(request.param) as portal_under_test
    ):
        yield portal_under_test


def record_ids(page_records: object) -> list[str]:
    return [record.ref.id for record in page_records]  # type: ignore[attr-defined]  # records


def test_the_account_is_the_tokens(hubspot: PortalUnderTest) -> None:
    account = hubspot.api.account()
    assert (account.portal_id, account.time_zone) == (PORTAL_ID, "Europe/Oslo")


def test_the_portal_tells_stages_in_order_statuses_and_pipelines(hubspot: PortalUnderTest) -> None:
    configuration = hubspot.api.portal()
    for kind in (CONTACTS, COMPANIES):
        assert tuple(option.value for option in configuration.stages(kind)) == STAGES
    assert "NEW" in {option.value for option in configuration.options(CONTACTS, STATUS)}
    stages = {stage.id: stage for pipeline in configuration.pipelines for stage in pipeline.stages}
    assert (stages["closedwon"].is_closed, stages["closedwon"].probability) == (True, 1.0)
    assert (stages["closedlost"].is_closed, stages["closedlost"].probability) == (True, 0.0)
    assert stages["appointmentscheduled"].is_closed is False


def test_now_is_the_portals_time(hubspot: PortalUnderTest) -> None:
    before = hubspot.api.now()
    hubspot.advance(3600)
    hubspot.api.account()
    moved = hubspot.api.now() - before
    assert timedelta(seconds=3598) < moved < timedelta(seconds=3602)


@TYPES
def test_a_search_finds_what_changed_within_the_window_bounds_included(
    hubspot: PortalUnderTest, kind: ObjectType
) -> None:
    refs, moments = [], []
    for _ in range(4):
        refs.append(hubspot.create(kind))
        moments.append(hubspot.moment())
        hubspot.advance(10)
    page = hubspot.api.search_changed(kind, (), since=moments[1], until=moments[2])
    assert record_ids(page.records) == [refs[1].id, refs[2].id]
    assert page.total == 2
    assert [record.modified_at for record in page.records] == moments[1:3]


def test_an_edit_makes_a_record_changed_again(hubspot: PortalUnderTest) -> None:
    ref = hubspot.create(CONTACTS)
    hubspot.advance(60)
    edited = hubspot.moment()
    hubspot.edit(ref, jobtitle="CEO")
    page = hubspot.api.search_changed(CONTACTS, ["jobtitle"], since=edited, until=edited)
    assert [record.value("jobtitle") for record in page.records] == ["CEO"]


def test_a_search_shows_two_hundred_and_counts_all(hubspot: PortalUnderTest) -> None:
    since = hubspot.moment()
    for _ in range(230):
        hubspot.create(CONTACTS)
    page = hubspot.api.search_changed(CONTACTS, (), since=since, until=hubspot.moment())
    assert (len(page.records), page.total) == (200, 230)
    assert page.after is not None


def test_a_search_by_id_goes_on_after_an_id_in_the_order_of_numbers(
    hubspot: PortalUnderTest,
) -> None:
    refs = [hubspot.create(CONTACTS) for _ in range(4)]
    assert [ref.id for ref in refs] == ["98", "99", "100", "101"]
    window = {"since": hubspot.moment() - timedelta(hours=1), "until": hubspot.moment()}
    first_page = hubspot.api.search_changed(CONTACTS, (), after_id="0", **window)
    second_page = hubspot.api.search_changed(CONTACTS, (), after_id="99", **window)
    assert (record_ids(first_page.records), first_page.total) == (["98", "99", "100", "101"], 4)
    assert (record_ids(second_page.records), second_page.total) == (["100", "101"], 2)


def test_a_record_holds_just_the_properties_that_were_asked_for(hubspot: PortalUnderTest) -> None:
    ref = hubspot.create(CONTACTS, lifecyclestage="lead")
    hubspot.edit(ref, jobtitle="")
    names = [STAGE, "jobtitle", "hs_object_id"]
    records = [
        hubspot.api.read([ref], names)[ref],
        hubspot.api.list_page(CONTACTS, names).records[0],
        hubspot.api.search_changed(
            CONTACTS, names, since=hubspot.moment(), until=hubspot.moment()
        ).records[0],
    ]
    for record in records:
        assert record.properties == {STAGE: "lead", "jobtitle": None, "hs_object_id": ref.id}


@TYPES
def test_a_list_meets_every_record_once(hubspot: PortalUnderTest, kind: ObjectType) -> None:
    refs = [hubspot.create(kind) for _ in range(250)]
    listed_ids: list[str] = []
    after, pages = None, 0
    while pages == 0 or after:
        page = hubspot.api.list_page(kind, (), after=after)
        after, pages = page.after, pages + 1
        listed_ids += record_ids(page.records)
    assert listed_ids == [ref.id for ref in refs]
    assert pages == 3


def test_an_archived_record_is_listed_as_such_and_found_nowhere_else(
    hubspot: PortalUnderTest,
) -> None:
    remaining, deleted = hubspot.create(CONTACTS), hubspot.create(CONTACTS)
    hubspot.archive(deleted)
    since, until = hubspot.moment() - timedelta(hours=1), hubspot.moment()
    assert record_ids(hubspot.api.list_page(CONTACTS, ()).records) == [remaining.id]
    assert record_ids(
        hubspot.api.search_changed(CONTACTS, (), since=since, until=until).records
    ) == [remaining.id]
    assert set(hubspot.api.read([remaining, deleted], ())) == {remaining}
    archived = hubspot.api.list_page(CONTACTS, (), archived=True).records
    assert [(record.ref, record.archived) for record in archived] == [(deleted, True)]


def test_a_read_leaves_out_what_is_not_there(hubspot: PortalUnderTest) -> None:
    refs = [hubspot.create(CONTACTS) for _ in range(130)]
    missing = Ref(CONTACTS, "987654321")
    records = hubspot.api.read([*refs, missing], ())
    assert set(records) == set(refs)
    assert all(ref == record.ref for ref, record in records.items())


def test_a_read_of_nothing_is_nothing(hubspot: PortalUnderTest) -> None:
    assert hubspot.api.read([], ()) == {}
    assert hubspot.api.associations([], CONTACTS).links == {}
    assert hubspot.api.update({}).unanswered == frozenset()


def test_a_history_is_newest_first_with_who_set_it(hubspot: PortalUnderTest) -> None:
    ref = hubspot.create(CONTACTS, lifecyclestage="customer")
    for stage in ("", "lead"):
        hubspot.advance(60)
        hubspot.edit(ref, lifecyclestage=stage)
    versions = hubspot.api.read([ref], (), history=[STAGE])[ref].history[STAGE]
    assert [version.value for version in versions][:3] == ["lead", "", "customer"]
    assert [version.source_type for version in versions][:2] == ["CRM_UI", "CRM_UI"]
    assert versions[0].at == hubspot.moment()


def test_a_merged_id_answers_with_its_survivor(hubspot: PortalUnderTest) -> None:
    first, second = hubspot.create(CONTACTS), hubspot.create(CONTACTS)
    survivor = hubspot.merge(first, second)
    records = hubspot.api.read([second], [STAGE])
    assert {ref: record.ref for ref, record in records.items()} == {second: survivor}


def test_associations_are_told_from_both_sides_with_the_primary_company(
    hubspot: PortalUnderTest,
) -> None:
    contact, unlinked = hubspot.create(CONTACTS), hubspot.create(CONTACTS)
    first, second = hubspot.create(COMPANIES), hubspot.create(COMPANIES)
    hubspot.associate(contact, first, is_primary=True)
    hubspot.associate(contact, second)
    links = hubspot.api.associations([contact, unlinked], COMPANIES).links
    assert {link.target: link.is_primary for link in links[contact]} == {first: True, second: False}
    assert links[unlinked] == ()
    (reverse,) = hubspot.api.associations([first], CONTACTS).links[first]
    assert (reverse.source, reverse.target) == (first, contact)


def test_a_company_with_many_contacts_tells_them_all(hubspot: PortalUnderTest) -> None:
    company = hubspot.create(COMPANIES)
    contacts = [hubspot.create(CONTACTS) for _ in range(620)]
    for contact in contacts:
        hubspot.associate(contact, company)
    links = hubspot.api.associations([company], CONTACTS).links[company]
    assert {link.target for link in links} == set(contacts)


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_forward_write_is_stored_and_shown(hubspot: PortalUnderTest, kind: ObjectType) -> None:
    ref = hubspot.create(kind, lifecyclestage="lead")
    hubspot.advance(60)
    answer = hubspot.api.update({ref: {STAGE: "customer"}})
    assert answer.updated[ref].value(STAGE) == "customer"
    assert (answer.refused, answer.unanswered) == ({}, frozenset())
    record = hubspot.api.read([ref], [STAGE])[ref]
    assert (record.value(STAGE), record.modified_at) == ("customer", hubspot.moment())


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_backward_write_is_answered_as_done_and_does_nothing(
    hubspot: PortalUnderTest, kind: ObjectType
) -> None:
    ref = hubspot.create(kind, lifecyclestage="customer")
    answer = hubspot.api.update({ref: {STAGE: "lead"}})
    assert set(answer.updated) == {ref}
    assert hubspot.api.read([ref], [STAGE])[ref].value(STAGE) == "customer"


def test_a_cleared_stage_can_be_set_to_any(hubspot: PortalUnderTest) -> None:
    ref = hubspot.create(CONTACTS, lifecyclestage="customer")
    hubspot.api.update({ref: {STAGE: ""}})
    assert hubspot.api.read([ref], [STAGE])[ref].properties == {STAGE: None}
    hubspot.api.update({ref: {STAGE: "lead"}})
    assert hubspot.value(ref, STAGE) == "lead"


def test_an_unknown_record_is_refused_alone(hubspot: PortalUnderTest) -> None:
    ref, missing = hubspot.create(CONTACTS, lifecyclestage="lead"), Ref(CONTACTS, "987654321")
    answer = hubspot.api.update({ref: {STAGE: "customer"}, missing: {STAGE: "customer"}})
    assert set(answer.updated) == {ref}
    assert answer.refused[missing].category == "OBJECT_NOT_FOUND"
    assert hubspot.value(ref, STAGE) == "customer"


@pytest.mark.parametrize(
    "bad_values", [{"no_such_property": "x"}, {STAGE: "no_such_stage"}, {STATUS: "NO_SUCH_STATUS"}]
)
def test_one_bad_value_refuses_the_whole_batch_and_nothing_is_written(
    hubspot: PortalUnderTest, bad_values: dict[str, str]
) -> None:
    good, other_ref = (hubspot.create(CONTACTS, lifecyclestage="lead") for _ in range(2))
    with pytest.raises(BatchRefused) as error:
        hubspot.api.update({good: {STAGE: "customer"}, other_ref: bad_values})
    assert error.value.category == "VALIDATION_ERROR"
    assert hubspot.value(good, STAGE) == "lead"


def test_a_window_is_read_whole_through_either_client(hubspot: PortalUnderTest) -> None:
    since = hubspot.moment()
    refs = [hubspot.create(CONTACTS) for _ in range(450)]
    pages = read_changes(hubspot.api, CONTACTS, (), since=since, until=hubspot.moment())
    assert {record.ref for page in pages for record in page.records} == set(refs)


@pytest.mark.parametrize(
    "switches",
    [
        {"rows_out_of_order": True},
        {"rows_outside_window": True},
        {"blank_in_answers": "absent"},
        {"search_daily_headers": False},
    ],
    ids=str,
)
def test_a_window_is_read_whole_under_every_behaviour_of_the_search(
    switches: dict[str, object],
) -> None:
    with sandbox_portal("2026-03", **switches) as hubspot:
        hubspot.create(CONTACTS)
        hubspot.advance(5)
        since = hubspot.moment()
        refs = [hubspot.create(CONTACTS) for _ in range(330)]
        for _ in range(330):
            hubspot.advance(0.5)
            refs.append(hubspot.create(CONTACTS))
        until = hubspot.moment()
        hubspot.advance(5)
        hubspot.create(CONTACTS)
        pages = read_changes(hubspot.api, CONTACTS, (), since=since, until=until)
        assert set(refs) <= {record.ref for page in pages for record in page.records}


def test_a_task_is_created_and_found_by_its_subject(hubspot: PortalUnderTest) -> None:
    contact = hubspot.create(CONTACTS)
    task = Task(
        contact=contact,
        owner="",
        subject=f"Follow up: {contact} is ready for sales since 2026-03-01",
        body="Nobody owns it.",
        due_at=hubspot.api.now(),
    )
    assert hubspot.api.find_task(task.subject) is None
    task_id = hubspot.api.create_task(task)
    hubspot.advance(60)
    assert hubspot.api.find_task(task.subject) == task_id
    assert hubspot.api.find_task("Follow up") is None


@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_the_scopes_of_a_private_apps_token_are_read(family: str) -> None:
    with sandbox_portal(family) as portal_under_test:
        token = portal_under_test.api.token_info()
    assert token.kind is TokenKind.STATIC
    assert token.scopes is not None
    assert {"crm.objects.contacts.read", "crm.objects.deals.read"} <= token.scopes


@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_the_validation_rules_of_properties_are_read(family: str) -> None:
    with sandbox_portal(family) as portal_under_test:
        sandbox = portal_under_test.sandbox
        sandbox.schema.rules["companies"] = {"zip": {"ALPHANUMERIC": ["NUMERIC_ONLY"]}}
        assert portal_under_test.api.property_rules(COMPANIES) == {"zip": ("ALPHANUMERIC",)}
        assert portal_under_test.api.property_rules(CONTACTS) == {}
