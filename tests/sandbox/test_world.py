"""What the seeded world holds, found from the portal's own data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import urllib3

from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from connector.sandbox.world import break_some
from tests.sandbox.schema.views import KINDS, TODAY, ago, at, shared, views, world


def test_the_world_has_as_many_contacts_as_asked_for_and_a_plausible_rest() -> None:
    portal = shared()
    contacts, companies, deals = (
        len(portal.records(kind)) for kind in ("contacts", "companies", "deals")
    )
    assert contacts == 2000
    assert 0.25 <= companies / contacts <= 0.45
    assert 0.2 <= deals / contacts <= 0.35


def test_one_company_has_300_contacts_and_a_deal_with_two_of_them() -> None:
    portal = shared()
    staff = {
        one.id: len(portal.links.of("companies", one.id, "contacts"))
        for one in portal.records("companies")
    }
    giant = max(staff, key=staff.__getitem__)
    deals = portal.links.of("companies", giant, "deals").items()
    own = [deal for deal, link in deals if link.primary]
    assert staff[giant] >= 300
    assert [len(portal.links.of("deals", deal, "contacts")) for deal in own] == [2]


def primaries(portal: Portal, deal: int) -> list[bool]:
    return sorted(link.primary for link in portal.links.of("deals", deal, "companies").values())


def test_deals_have_no_contact_or_two_companies_or_no_primary_one() -> None:
    portal = shared()
    deals = [one.id for one in portal.records("deals")]
    shapes = Counter(
        (len(portal.links.of("deals", deal, "contacts")), *primaries(portal, deal))
        for deal in deals
    )
    assert sum(count for (people, *_), count in shapes.items() if not people) >= 10
    assert shapes[(0,)] >= 5
    assert shapes[(1, False, True)] >= 5
    assert shapes[(1, False)] >= 3
    assert sum(count for (people, *_), count in shapes.items() if people > 1) >= 10


def test_deals_run_in_several_pipelines_with_text_numbers_and_uuids_as_stage_ids() -> None:
    portal = shared()
    used = Counter(one.values["pipeline"] for one in portal.records("deals"))
    stages = {one.values["dealstage"] for one in portal.records("deals")}
    assert len(used) == 4 and min(used.values()) >= 5
    assert any(one.isalpha() for one in stages)
    assert any(one.isdigit() for one in stages)
    assert any(one.count("-") == 4 for one in stages)


def test_changes_spread_over_three_years_and_many_writers() -> None:
    portal = shared()
    versions = [
        version
        for one in portal.records("contacts")
        for version in portal.history("contacts", str(one.id), "lifecyclestage")
    ]
    days = sorted(at(version) for version in versions)
    writers = Counter(version.source.type for version in versions)
    assert days[0] < ago(900) and days[-1] < TODAY
    assert {
        "CRM_UI",
        "INTEGRATION",
        "AUTOMATION_PLATFORM",
        "IMPORT",
        "FORM",
        "PIPELINE_SETTINGS",
    } <= {writer for writer, count in writers.items() if count >= 20}


def test_little_is_dated_today() -> None:
    portal = shared()
    midnight = TODAY.replace(hour=0, minute=0).timestamp() * 1000
    for kind in KINDS:
        late = [one for one in portal.records(kind) if one.modified >= midnight]
        assert len(late) <= len(portal.records(kind)) / 50


def test_some_contacts_are_archived_and_some_were_merged() -> None:
    portal = shared()
    archived = list(portal.tables["contacts"].walk(0, archived=True))
    assert len(archived) >= 5
    assert sum(bool(one.merged) for one in portal.records("contacts")) >= 3


def test_custom_stages_stand_inside_the_order_and_have_numeric_ids() -> None:
    order = shared().schema.order(shared().record("contacts", views()[0].id).kind)
    custom = [stage for stage in order if stage.isdigit()]
    assert order["opportunity"] < order[custom[0]] < order["customer"] < order[custom[1]]
    assert order[custom[1]] < order["evangelist"] < order["other"]


def test_every_address_is_under_a_name_that_is_reserved() -> None:
    portal = shared()
    addresses = [one.values.get("email", "") for one in portal.records("contacts")]
    domains = [one.values.get("domain", "") for one in portal.records("companies")]
    named = [*filter(None, addresses), *filter(None, domains)]
    assert all(one.endswith((".example", ".test")) for one in named)
    assert all(one.isascii() for one in named)


def test_the_same_person_occurs_twice_under_two_addresses() -> None:
    names = Counter(
        (one.values.get("firstname"), one.values.get("lastname"), one.values.get("company"))
        for one in views()
        if one.values.get("company")
    )
    assert sum(count > 1 for (first, last, _), count in names.items() if first and last) >= 10


def contents(portal: Portal) -> Iterator[object]:
    for kind in ("contacts", "companies", "deals"):
        for one in portal.records(kind):
            yield one.id, one.created, one.modified, sorted(one.values.items()), one.versions
            yield sorted(portal.links.neighbours(kind, one.id))


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    first, again, other = world(300, 7), world(300, 7), world(300, 8)
    assert list(contents(first)) == list(contents(again))
    assert list(contents(first)) != list(contents(other))


@pytest.mark.parametrize("contacts", [1, 10, 99, 1234])
def test_a_world_of_any_size_has_exactly_its_contacts(contacts: int) -> None:
    assert len(world(contacts).records("contacts")) == contacts


def test_breaking_some_changes_what_it_counts_and_nothing_twice() -> None:
    portal = world(2000)
    before = {kind: {one.id: one.modified for one in portal.records(kind)} for kind in KINDS}
    portal.clock.advance(3600)
    counts = break_some(portal, seed=3)
    changed = {
        kind: [one for one in portal.records(kind) if before[kind].get(one.id) != one.modified]
        for kind in KINDS
    }
    written = [one for kind in KINDS for one in changed[kind]]
    assert min(counts.values()) >= 3
    assert all(one.modified >= portal.clock.ms() - 1000 for one in written)
    assert sum(counts.values()) <= len(written) <= 4 * sum(counts.values())


def test_breaking_is_the_same_for_the_same_seed() -> None:
    first, again = world(300), world(300)
    assert break_some(first, seed=5) == break_some(again, seed=5)
    assert list(contents(first)) == list(contents(again))


def test_a_workflow_sets_customers_back_by_clearing_first() -> None:
    portal = world(2000)
    portal.clock.advance(60)
    begun = portal.clock.ms()
    count = break_some(portal, seed=3)["stages set back by a workflow (clear, then set)"]
    trails = [
        [
            version.value
            for version in portal.history("contacts", str(one.id), "lifecyclestage")[-3:]
            if version.source.type == "AUTOMATION_PLATFORM" and version.at >= begun
        ]
        for one in portal.records("contacts")
    ]
    assert trails.count(["", "lead"]) == count


def first_page(portal: Portal) -> bytes:
    with Sandbox(portal) as box:
        answer = urllib3.request(
            "GET",
            f"{box.url}/crm/v3/objects/contacts?limit=50&associations=companies,deals"
            "&propertiesWithHistory=lifecyclestage,hs_lead_status",
            headers={"Authorization": f"Bearer {box.token}"},
        )
    return answer.data.replace(box.url.encode(), b"")


def test_the_same_seed_gives_the_same_answers() -> None:
    assert first_page(world(200, 3)) == first_page(world(200, 3))
    assert first_page(world(200, 3)) != first_page(world(200, 4))
