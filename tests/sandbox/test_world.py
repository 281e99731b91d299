"""The contents of the seeded world, found from the portal's own data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import urllib3

from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.fill import disturb_records
from tests.sandbox.schema.world_contacts import (
    OBJECT_TYPES,
    TODAY,
    contact_views,
    create_world,
    days_ago,
    shared_world,
    version_time,
)


def test_the_world_has_as_many_contacts_as_asked_for_and_a_plausible_rest() -> None:
    portal = shared_world()
    contacts, companies, deals = (
        len(portal.records(object_type)) for object_type in ("contacts", "companies", "deals")
    )
    assert contacts == 2000
    assert 0.25 <= companies / contacts <= 0.45
    assert 0.2 <= deals / contacts <= 0.35


def test_one_company_has_300_contacts_and_a_deal_with_two_of_them() -> None:
    portal = shared_world()
    contact_counts = {
        company.id: len(portal.links.of("companies", company.id, "contacts"))
        for company in portal.records("companies")
    }
    largest = max(contact_counts, key=contact_counts.__getitem__)
    deals = portal.links.of("companies", largest, "deals").items()
    primary_deals = [deal for deal, link in deals if link.primary]
    assert contact_counts[largest] >= 300
    assert [len(portal.links.of("deals", deal, "contacts")) for deal in primary_deals] == [2]


def primary_flags(portal: Portal, deal: int) -> list[bool]:
    return sorted(link.primary for link in portal.links.of("deals", deal, "companies").values())


def test_deals_have_no_contact_or_two_companies_or_no_primary_one() -> None:
    portal = shared_world()
    deals = [deal_record.id for deal_record in portal.records("deals")]
    link_counts = Counter(
        (len(portal.links.of("deals", deal, "contacts")), *primary_flags(portal, deal))
        for deal in deals
    )
    assert (
        sum(count for (contact_count, *_), count in link_counts.items() if not contact_count) >= 10
    )
    assert link_counts[(0,)] >= 5
    assert link_counts[(1, False, True)] >= 5
    assert link_counts[(1, False)] >= 3
    assert (
        sum(count for (contact_count, *_), count in link_counts.items() if contact_count > 1) >= 10
    )


def test_deals_run_in_several_pipelines_with_text_numbers_and_uuids_as_stage_ids() -> None:
    portal = shared_world()
    used = Counter(deal_record.values["pipeline"] for deal_record in portal.records("deals"))
    stages = {deal_record.values["dealstage"] for deal_record in portal.records("deals")}
    assert len(used) == 4 and min(used.values()) >= 5
    assert any(stage.isalpha() for stage in stages)
    assert any(stage.isdigit() for stage in stages)
    assert any(stage.count("-") == 4 for stage in stages)


def test_changes_spread_over_three_years_and_many_writers() -> None:
    portal = shared_world()
    versions = [
        version
        for contact in portal.records("contacts")
        for version in portal.history("contacts", str(contact.id), "lifecyclestage")
    ]
    days = sorted(version_time(version) for version in versions)
    writers = Counter(version.source.type for version in versions)
    assert days[0] < days_ago(900) and days[-1] < TODAY
    assert {
        "CRM_UI",
        "INTEGRATION",
        "AUTOMATION_PLATFORM",
        "IMPORT",
        "FORM",
        "PIPELINE_SETTINGS",
    } <= {writer for writer, count in writers.items() if count >= 20}


def test_little_is_dated_today() -> None:
    portal = shared_world()
    midnight = TODAY.replace(hour=0, minute=0).timestamp() * 1000
    for object_type in OBJECT_TYPES:
        changed_today = [
            record for record in portal.records(object_type) if record.modified >= midnight
        ]
        assert len(changed_today) <= len(portal.records(object_type)) / 50


def test_some_contacts_are_archived_and_some_were_merged() -> None:
    portal = shared_world()
    archived = list(portal.tables["contacts"].walk(0, archived=True))
    assert len(archived) >= 5
    assert sum(bool(contact.merged) for contact in portal.records("contacts")) >= 3


def test_custom_stages_stand_inside_the_order_and_have_numeric_ids() -> None:
    order = shared_world().schema.stage_order(
        shared_world().record("contacts", contact_views()[0].id).object_type
    )
    custom = [stage for stage in order if stage.isdigit()]
    assert order["opportunity"] < order[custom[0]] < order["customer"] < order[custom[1]]
    assert order[custom[1]] < order["evangelist"] < order["other"]


def test_every_address_is_under_a_name_that_is_reserved() -> None:
    portal = shared_world()
    addresses = [contact.values.get("email", "") for contact in portal.records("contacts")]
    domains = [company.values.get("domain", "") for company in portal.records("companies")]
    addresses_and_domains = [*filter(None, addresses), *filter(None, domains)]
    assert all(address.endswith((".example", ".test")) for address in addresses_and_domains)
    assert all(address.isascii() for address in addresses_and_domains)


def test_the_same_person_occurs_twice_under_two_addresses() -> None:
    names = Counter(
        (
            contact.values.get("firstname"),
            contact.values.get("lastname"),
            contact.values.get("company"),
        )
        for contact in contact_views()
        if contact.values.get("company")
    )
    assert sum(count > 1 for (first, last, _), count in names.items() if first and last) >= 10


def portal_contents(portal: Portal) -> Iterator[object]:
    for object_type in ("contacts", "companies", "deals"):
        for record in portal.records(object_type):
            yield (
                record.id,
                record.created,
                record.modified,
                sorted(record.values.items()),
                record.versions,
            )
            yield sorted(portal.links.linked_records(object_type, record.id))


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    first, again, different = create_world(300, 7), create_world(300, 7), create_world(300, 8)
    assert list(portal_contents(first)) == list(portal_contents(again))
    assert list(portal_contents(first)) != list(portal_contents(different))


@pytest.mark.parametrize("contacts", [1, 10, 99, 1234])
def test_a_world_of_any_size_has_exactly_its_contacts(contacts: int) -> None:
    assert len(create_world(contacts).records("contacts")) == contacts


def test_breaking_some_changes_what_it_counts_and_nothing_twice() -> None:
    portal = create_world(2000)
    before = {
        object_type: {record.id: record.modified for record in portal.records(object_type)}
        for object_type in OBJECT_TYPES
    }
    portal.clock.advance(3600)
    counts = disturb_records(portal, seed=3)
    changed = {
        object_type: [
            record
            for record in portal.records(object_type)
            if before[object_type].get(record.id) != record.modified
        ]
        for object_type in OBJECT_TYPES
    }
    written = [record for object_type in OBJECT_TYPES for record in changed[object_type]]
    assert min(counts.values()) >= 3
    assert all(record.modified >= portal.clock.ms() - 1000 for record in written)
    assert sum(counts.values()) <= len(written) <= 4 * sum(counts.values())


def test_breaking_is_the_same_for_the_same_seed() -> None:
    first, again = create_world(300), create_world(300)
    assert disturb_records(first, seed=5) == disturb_records(again, seed=5)
    assert list(portal_contents(first)) == list(portal_contents(again))


def test_a_workflow_sets_customers_back_by_clearing_first() -> None:
    portal = create_world(2000)
    portal.clock.advance(60)
    started = portal.clock.ms()
    count = disturb_records(portal, seed=3)["stages set back by a workflow (clear, then set)"]
    written_stages = [
        [
            version.value
            for version in portal.history("contacts", str(contact.id), "lifecyclestage")[-3:]
            if version.source.type == "AUTOMATION_PLATFORM" and version.at >= started
        ]
        for contact in portal.records("contacts")
    ]
    assert written_stages.count(["", "lead"]) == count


def first_page(portal: Portal) -> bytes:
    with Sandbox(portal) as sandbox:
        response = urllib3.request(
            "GET",
            f"{sandbox.url}/crm/v3/objects/contacts?limit=50&associations=companies,deals"
            "&propertiesWithHistory=lifecyclestage,hs_lead_status",
            headers={"Authorization": f"Bearer {sandbox.token}"},
        )
    return response.data.replace(sandbox.url.encode(), b"")


def test_the_same_seed_gives_the_same_answers() -> None:
    assert first_page(create_world(200, 3)) == first_page(create_world(200, 3))
    assert first_page(create_world(200, 3)) != first_page(create_world(200, 4))
