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
from connector.sandbox.portal.portal import Portal
from tests.recorded.compose_portal import DEFINITIONS, create_portal
from tests.recorded.recordings import Recordings, read
from tests.recorded.run_connector import (
    PlanRun,
    SyncRuns,
    plan,
    prepare_portal,
    stages_and_statuses,
    sync,
)
from tests.recorded.situations import SITUATIONS_FILE, SituationWriter
from tests.sandbox.schema.folders import required_folder

pytestmark = pytest.mark.network
SITUATIONS = yaml.safe_load(SITUATIONS_FILE.read_text(encoding="utf-8"))["situations"]

# In an answer to a write HubSpot tells a time in milliseconds, in every other one as text; the
# sandbox knows no other label of a source than its name.
DIFFERENTLY_FORMATTED = {"hs_lifecyclestage_lead_date", "hs_object_source_label"}


@pytest.fixture(scope="module")
def recordings() -> Recordings:
    return read(required_folder("HUBSPOT_RECORDED_DIR"))


@pytest.fixture(scope="module")
def plan_run(recordings: Recordings, tmp_path_factory: pytest.TempPathFactory) -> PlanRun:
    return plan(prepare_portal(recordings), tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="module", params=["2026-03", "v3"])
def sync_runs(
    recordings: Recordings, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SyncRuns:
    return sync(prepare_portal(recordings), request.param, tmp_path_factory.mktemp("synced"))


def test_the_portal_tells_every_recorded_value_as_it_was_recorded(recordings: Recordings) -> None:
    portal = create_portal(recordings)
    records = [record for record in recordings.records().values() if not record.deleted]
    assert Counter(record.kind for record in records) == {
        "contacts": 38,
        "companies": 58,
        "deals": 22,
    }
    differing_names = {
        name
        for record in records
        for name, value in record.properties.items()
        if portal.value(record.kind, record.id, name) != value
    }
    assert differing_names == DIFFERENTLY_FORMATTED


def test_the_portal_has_the_recorded_definitions(recordings: Recordings) -> None:
    portal = create_portal(recordings)
    for object_type, name in DEFINITIONS:
        definitions = portal.schema.definitions(portal.resolve_type(object_type))
        missing = [
            row["name"] for row in recordings.results(name) if row["name"] not in definitions
        ]
        assert missing == []
    lead_status = portal.schema.definitions(portal.resolve_type("contacts"))[STATUS]
    assert [option.label for option in lead_status.options][-1] == "Bad Timing"


def test_no_recorded_deal_is_linked_so_every_link_of_a_deal_is_ours(recordings: Recordings) -> None:
    portal = create_portal(recordings)
    assert [deal.id for deal in portal.records("deals") if is_linked(portal, deal.id)] == []
    SituationWriter(recordings, portal).apply_changes()
    assert sum(is_linked(portal, deal.id) for deal in portal.records("deals")) >= 10


def test_the_plan_holds_the_hand_checked_corrections_and_no_other(plan_run: PlanRun) -> None:
    assert plan_run.corrections == plan_run.prepared.expected_corrections
    assert plan_run.writes == []
    assert stages_and_statuses(plan_run.prepared.portal) == plan_run.prepared.stages_before


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda entry: entry["says"])
def test_the_plan_corrects_what_was_derived_by_hand(
    situation: Mapping[str, Any], plan_run: PlanRun
) -> None:
    writer = plan_run.prepared.writer
    listed_names = writer.records(situation)
    corrections = [
        correction for correction in plan_run.corrections if correction.record in listed_names
    ]
    assert corrections == writer.corrections_in(situation)


def test_the_records_of_no_situation_are_as_many_as_counted_by_hand(plan_run: PlanRun) -> None:
    counts = Counter(
        correction.record.partition("/")[0] for correction in plan_run.prepared.unlisted_corrections
    )
    expected_counts = plan_run.prepared.writer.unlisted_records
    for object_type in ("contacts", "companies"):
        assert counts[object_type] == expected_counts[object_type]


def test_a_sync_decides_as_the_plan_did_whatever_the_family(
    plan_run: PlanRun, sync_runs: SyncRuns
) -> None:
    for key in ("digest", "summary"):
        assert sync_runs.first["plan"][key] == plan_run.document[key]


def test_a_sync_applies_the_hand_checked_corrections_and_no_other(sync_runs: SyncRuns) -> None:
    corrections = sync_runs.prepared.expected_corrections
    expected = [
        (*shared_values(asdict(correction)), "applied", sync_runs.first["run"])
        for correction in corrections
    ]
    assert (
        sorted((*shared_values(line), line["outcome"], line["run"]) for line in sync_runs.audit)
        == expected
    )
    assert sync_runs.first["outcomes"] == {"applied": len(corrections)}


def test_the_portal_stands_as_the_table_says(sync_runs: SyncRuns) -> None:
    expected = {
        name: {STAGE: stage_and_status[0], STATUS: stage_and_status[1]}
        for name, stage_and_status in sync_runs.prepared.stages_before.items()
    }
    for correction in sync_runs.prepared.expected_corrections:
        assert expected[correction.record][correction.property_name] == correction.before
        expected[correction.record][correction.property_name] = correction.after
    assert stages_and_statuses(sync_runs.prepared.portal) == {
        name: (values[STAGE], values[STATUS]) for name, values in expected.items()
    }


def test_only_backward_moves_were_cleared_first(sync_runs: SyncRuns) -> None:
    portal = sync_runs.prepared.portal
    cleared = {
        f"{object_type}/{record.id}"
        for object_type in ("contacts", "companies")
        for record in portal.records(object_type)
        if any(not version.value for version in record.history(STAGE))
    }
    assert cleared == {
        correction.record
        for correction in sync_runs.prepared.expected_corrections
        if correction.direction == "backward"
    }


def test_a_second_sync_writes_nothing(sync_runs: SyncRuns) -> None:
    assert sync_runs.second["plan"]["summary"]["corrections"] == 0
    assert sync_runs.second["outcomes"] == {}
    assert sync_runs.writes
    assert sync_runs.second_writes == []


def shared_values(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an audit line and a correction both tell."""
    return tuple(entry[name] for name in ("record", "property_name", "before", "after", "rule"))


def is_linked(portal: Portal, deal_id: int) -> bool:
    return any(
        portal.links.of("deals", deal_id, object_type) for object_type in ("contacts", "companies")
    )
