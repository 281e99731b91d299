"""The connector on real input: a portal of recorded records, each correction checked by hand.

The recordings lie in the folder that `HUBSPOT_RECORDED_DIR` names; the table of what is ours,
and of what has to follow, is `situations.yaml`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest
import yaml

from connector.core.model import STAGE, STATUS
from connector.sandbox.portal import Portal
from tests.recorded.composing import DEFINITIONS, compose
from tests.recorded.ours import TABLE, Author
from tests.recorded.recordings import Folder, read
from tests.recorded.running import Planned, Synced, plan, settle, standing, sync
from tests.sandbox.schema.folders import required

pytestmark = pytest.mark.network
SITUATIONS = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["situations"]

# In an answer to a write HubSpot tells a time in milliseconds, in every other one as text; the
# box knows no other label of a source than its name.
TOLD_OTHERWISE = {"hs_lifecyclestage_lead_date", "hs_object_source_label"}


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read(required("HUBSPOT_RECORDED_DIR"))


@pytest.fixture(scope="module")
def planned(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> Planned:
    return plan(settle(folder), tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="module", params=["2026-03", "v3"])
def synced(
    folder: Folder, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Synced:
    return sync(settle(folder), request.param, tmp_path_factory.mktemp("synced"))


def test_the_portal_tells_every_recorded_value_as_it_was_recorded(folder: Folder) -> None:
    portal = compose(folder)
    records = [one for one in folder.records().values() if not one.deleted]
    assert Counter(one.kind for one in records) == {"contacts": 38, "companies": 58, "deals": 22}
    differing = {
        name
        for one in records
        for name, value in one.properties.items()
        if portal.value(one.kind, one.id, name) != value
    }
    assert differing == TOLD_OTHERWISE


def test_the_portal_has_the_recorded_definitions(folder: Folder) -> None:
    portal = compose(folder)
    for kind, name in DEFINITIONS:
        defined = portal.schema.definitions(portal.kind(kind))
        missing = [row["name"] for row in folder.results(name) if row["name"] not in defined]
        assert missing == []
    lead_status = portal.schema.definitions(portal.kind("contacts"))[STATUS]
    assert [one.label for one in lead_status.options][-1] == "Bad Timing"


def test_no_recorded_deal_is_linked_so_every_link_of_a_deal_is_ours(folder: Folder) -> None:
    portal = compose(folder)
    assert [deal.id for deal in portal.records("deals") if is_linked(portal, deal.id)] == []
    Author(folder, portal).write()
    assert sum(is_linked(portal, deal.id) for deal in portal.records("deals")) >= 10


def test_the_plan_holds_the_hand_checked_corrections_and_no_other(planned: Planned) -> None:
    assert planned.fixes == planned.world.fixes
    assert planned.writes == []
    assert standing(planned.world.portal) == planned.world.before


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one["says"])
def test_the_plan_corrects_what_was_derived_by_hand(
    situation: Mapping[str, Any], planned: Planned
) -> None:
    author = planned.world.author
    named = author.records(situation)
    found = [one for one in planned.fixes if one.record in named]
    assert found == author.fixes_in(situation)


def test_the_records_of_no_situation_are_as_many_as_counted_by_hand(planned: Planned) -> None:
    kinds = Counter(one.record.partition("/")[0] for one in planned.world.others)
    counted = planned.world.author.others
    assert kinds == {kind: counted[kind] for kind in ("contacts", "companies")}


def test_a_sync_decides_as_the_plan_did_whatever_the_family(
    planned: Planned, synced: Synced
) -> None:
    for told in ("digest", "summary"):
        assert synced.first["plan"][told] == planned.document[told]


def test_a_sync_applies_the_hand_checked_corrections_and_no_other(synced: Synced) -> None:
    fixes = synced.world.fixes
    wanted = [(*brief(asdict(one)), "applied", synced.first["run"]) for one in fixes]
    assert sorted((*brief(one), one["outcome"], one["run"]) for one in synced.audit) == wanted
    assert synced.first["outcomes"] == {"applied": len(fixes)}


def test_the_portal_stands_as_the_table_says(synced: Synced) -> None:
    wanted = {name: {STAGE: one[0], STATUS: one[1]} for name, one in synced.world.before.items()}
    for fix in synced.world.fixes:
        assert wanted[fix.record][fix.property_name] == fix.before
        wanted[fix.record][fix.property_name] = fix.after
    assert standing(synced.world.portal) == {
        name: (one[STAGE], one[STATUS]) for name, one in wanted.items()
    }


def test_only_backward_moves_were_cleared_first(synced: Synced) -> None:
    portal = synced.world.portal
    cleared = {
        f"{kind}/{record.id}"
        for kind in ("contacts", "companies")
        for record in portal.records(kind)
        if any(not version.value for version in record.history(STAGE))
    }
    assert cleared == {one.record for one in synced.world.fixes if one.direction == "backward"}


def test_a_second_sync_writes_nothing(synced: Synced) -> None:
    assert synced.second["plan"]["summary"]["corrections"] == 0
    assert synced.second["outcomes"] == {}
    assert synced.writes
    assert synced.writes_of_second == []


def brief(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an audit line and a correction both tell."""
    return tuple(told[name] for name in ("record", "property_name", "before", "after", "rule"))


def is_linked(portal: Portal, deal_id: int) -> bool:
    return any(portal.links.of("deals", deal_id, kind) for kind in ("contacts", "companies"))
