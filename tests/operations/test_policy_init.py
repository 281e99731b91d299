"""What `policy init` writes is a policy with cases that hold, whatever the portal calls things."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config.presets import policy_text
from connector.core.lint.default_portal import STAGES, STATUSES, default_portal, definition
from connector.core.model import ObjectType, Pipeline, Portal
from connector.core.policy.load import load_policy
from connector.operations.policy_init import initial_files
from connector.operations.policy_test import Cases, check_policy, run_cases
from tests.fakes.connected_portal import START

LABEL = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))


def _count_starting_cases(portal: Portal, name: str = "first.yaml") -> int:
    """Check and try what is written for a portal; return how many cases it has."""
    text, cases = initial_files(portal, Path(name))
    policy = load_policy(text, source=name, preset_text=policy_text)
    check_policy(policy, portal, START)
    tested = run_cases(policy, Cases(source="first.cases.yaml", text=cases))
    assert tested.failures == ()
    assert tested.unguarded == ()
    return len(tested.results)


def test_a_new_portal_begins_with_four_cases() -> None:
    assert _count_starting_cases(default_portal()) == 4


@pytest.mark.parametrize("missing_stage", list(STAGES))
def test_a_portal_may_have_deleted_any_stage(missing_stage: str) -> None:
    stages_left = {value: label for value, label in STAGES.items() if value != missing_stage}
    assert _count_starting_cases(default_portal(stages=stages_left)) >= 1


def test_a_portal_may_have_no_lead_status_left() -> None:
    assert _count_starting_cases(default_portal(statuses={})) == 4


@pytest.mark.parametrize(
    "name", ["first.yaml", "vår policy.yaml", "1.yaml", "yes.yaml", "a: b.yaml"]
)
def test_the_file_may_be_called_anything(name: str) -> None:
    assert _count_starting_cases(default_portal(), name) == 4


@settings(max_examples=25, deadline=None)
@given(LABEL, LABEL, LABEL, LABEL)
def test_labels_may_hold_any_signs(stage: str, status: str, pipeline: str, score: str) -> None:
    portal = default_portal(
        stages={**STAGES, "4711": f"{stage} (own)"},
        statuses={**STATUSES, "OWN": f"{status} (own)"},
        pipelines=[Pipeline(id="p", label=pipeline, stages=())],
        extra_properties={
            ObjectType.CONTACTS: [replace(definition("my_score", "number"), label=score)]
        },
    )
    assert _count_starting_cases(portal) == 4
