"""`connector sync` on real input: a portal of recorded records, every correction checked by hand.

The recordings lie in the folder that `HUBSPOT_RECORDED_DIR` names; `situations.yaml` is the table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.core.model import STAGE, STATUS
from connector.sandbox.call import Request
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from tests.recorded.composing import compose
from tests.recorded.ours import Author, Fix
from tests.recorded.recordings import Folder, read
from tests.sandbox.schema.folders import required

pytestmark = pytest.mark.network
# In an answer to a write HubSpot tells a time in milliseconds, in every other one as text; the
# box says no more than a source's own name.
TOLD_OTHERWISE = {"hs_lifecyclestage_lead_date", "hs_object_source_label"}


@dataclass(frozen=True, kw_only=True)
class Story:
    """What happened: the portal before and after, what was said, and what was written."""

    author: Author
    portal: Portal
    expected: list[Fix]
    others: list[Fix]
    before: dict[str, tuple[str, str]]
    plan: dict[str, Any]
    synced: dict[str, Any]
    audit: list[dict[str, Any]]
    writes: list[Request]
    again: dict[str, Any]
    writes_again: list[Request]


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read(required("HUBSPOT_RECORDED_DIR"))


@pytest.fixture(scope="module", params=["2026-03", "v3"])
def story(
    folder: Folder, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    portal = compose(folder)
    author = Author(folder, portal)
    author.write()
    expected, others, before = author.fixes(), author.fixes_of_others(), standing(portal)
    with Sandbox(portal) as box:
        connector = Connector(box, request.param, tmp_path_factory.mktemp("connector"))
        connector.run("pull", "--json")
        plan = json.loads(connector.run("plan", "--json"))
        box.forget()
        synced = json.loads(connector.run("sync", "--json"))
        writes = box.writes()
        audit = [json.loads(line) for line in connector.run("audit", "--json").splitlines()]
        box.forget()
        again = json.loads(connector.run("sync", "--json"))
        return Story(
            author=author,
            portal=portal,
            expected=expected,
            others=others,
            before=before,
            plan=plan,
            synced=synced,
            audit=audit,
            writes=writes,
            again=again,
            writes_again=box.writes(),
        )


class Connector:
    """The real command, in a process and a folder of its own."""

    def __init__(self, box: Sandbox, family: str, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HUBSPOT_ACCESS_TOKEN": box.token,
            "HUBSPOT_PORTAL_ID": str(box.portal.portal_id),
            "HUBSPOT_API_URL": box.url,
            "HUBSPOT_API_VERSION": family,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'connector.db'}",
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "connector", *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def standing(portal: Portal) -> dict[str, tuple[str, str]]:
    """Return the stage and lead status of every contact and company."""
    return {
        f"{kind}/{record.id}": (record.values.get(STAGE, ""), record.values.get(STATUS, ""))
        for kind in ("contacts", "companies")
        for record in portal.records(kind)
    }


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


def test_at_least_ten_situations_are_ours_and_each_of_their_links_is(folder: Folder) -> None:
    portal = compose(folder)
    assert not [deal for deal in portal.records("deals") if linked(portal, deal.id)]
    author = Author(folder, portal)
    author.write()
    linking = [
        one for one in author.situations if any("links" in " ".join(step) for step in one["ours"])
    ]
    assert len(linking) >= 10


def test_the_plan_holds_each_hand_checked_correction_and_no_other(story: Story) -> None:
    assert planned(story.plan) == story.expected


def test_a_sync_applies_each_hand_checked_correction_and_no_other(story: Story) -> None:
    wanted = [(*brief(one), "applied") for one in map(asdict, story.expected)]
    assert sorted((*brief(line), line["outcome"]) for line in story.audit) == wanted
    assert {line["run"] for line in story.audit} == {story.synced["run"]}
    assert story.synced["outcomes"] == {"applied": len(wanted)}


def test_the_portal_stands_as_the_table_says(story: Story) -> None:
    wanted = dict(story.before)
    for one in story.expected:
        stage, status = wanted[one.record]
        assert one.before == (stage if one.property_name == STAGE else status), one
        stage_now = one.after if one.property_name == STAGE else stage
        wanted[one.record] = (stage_now, one.after if one.property_name == STATUS else status)
    assert standing(story.portal) == wanted


def test_only_backward_moves_were_cleared_first(story: Story) -> None:
    cleared = {
        f"{kind}/{record.id}"
        for kind in ("contacts", "companies")
        for record in story.portal.records(kind)
        if "" in [one.value for one in record.history(STAGE)]
    }
    assert cleared == {one.record for one in story.expected if one.direction == "backward"}


def test_what_the_table_does_not_tell_of_is_counted(story: Story) -> None:
    kinds = Counter(one.record.partition("/")[0] for one in story.others)
    assert kinds == {kind: story.author.others[kind] for kind in ("contacts", "companies")}


def test_a_second_sync_finds_nothing_to_write(story: Story) -> None:
    assert story.writes
    assert story.again["plan"]["summary"]["corrections"] == 0
    assert story.again["outcomes"] == {}
    assert story.writes_again == []


def planned(document: dict[str, Any]) -> list[Fix]:
    rows = [one | {"evidence": tuple(one["evidence"])} for one in document["corrections"]]
    return sorted(Fix(**one) for one in rows)


def brief(told: dict[str, Any]) -> tuple[str, ...]:
    return tuple(told[name] for name in ("record", "property_name", "before", "after", "rule"))


def linked(portal: Portal, deal_id: int) -> bool:
    return any(portal.links.of("deals", deal_id, kind) for kind in ("contacts", "companies"))
