"""What `policy init` writes is a policy with cases that hold, whatever the portal calls things."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.default_portal import STAGES, STATUSES, default_portal, definition
from connector.core.model import ObjectType, Pipeline, Portal
from connector.core.policy import load
from connector.policies import Cases, check, try_out
from connector.presets import preset
from connector.starting import starting_files
from tests.usecases.office import START

LABEL = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))


def _begun(portal: Portal, name: str = "first.yaml") -> int:
    """Check and try what is written for a portal; return how many cases it has."""
    text, cases = starting_files(portal, Path(name))
    policy = load(text, source=name, preset=preset)
    check(policy, portal, START)
    tried = try_out(policy, Cases(source="first.cases.yaml", text=cases))
    assert tried.failed == ()
    assert tried.unguarded == ()
    return len(tried.results)


def test_a_new_portal_begins_with_four_cases() -> None:
    assert _begun(default_portal()) == 4


@pytest.mark.parametrize("gone", list(STAGES))
def test_a_portal_may_have_deleted_any_stage(gone: str) -> None:
    rest = {value: label for value, label in STAGES.items() if value != gone}
    assert _begun(default_portal(stages=rest)) >= 1


def test_a_portal_may_have_no_lead_status_left() -> None:
    assert _begun(default_portal(statuses={})) == 4


@pytest.mark.parametrize(
    "name", ["first.yaml", "vår policy.yaml", "1.yaml", "yes.yaml", "a: b.yaml"]
)
def test_the_file_may_be_called_anything(name: str) -> None:
    assert _begun(default_portal(), name) == 4


@settings(max_examples=25, deadline=None)
@given(LABEL, LABEL, LABEL, LABEL)
def test_labels_may_hold_any_signs(stage: str, status: str, pipeline: str, score: str) -> None:
    portal = default_portal(
        stages={**STAGES, "4711": f"{stage} (own)"},
        statuses={**STATUSES, "OWN": f"{status} (own)"},
        pipelines=[Pipeline(id="p", label=pipeline, stages=())],
        more={ObjectType.CONTACTS: [replace(definition("my_score", "number"), label=score)]},
    )
    assert _begun(portal) == 4
