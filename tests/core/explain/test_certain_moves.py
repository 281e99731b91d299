"""What is said to be moved always is moved whatever else is known of the record, and no other."""

from __future__ import annotations

import pytest

from connector.core.explain.certain_moves import always_moves_stage, always_moves_status
from connector.core.model import ObjectType
from tests.core.builders import bind_policy, policy_with_rule

CONTACTS, COMPANIES = ObjectType.CONTACTS, ObjectType.COMPANIES


@pytest.mark.parametrize(
    ("object_type", "stage", "expected"),
    [
        (CONTACTS, "", True),
        # A company without a stage stays so, unless the policy names one.
        (COMPANIES, "", False),
        # A deal that is won moves a lead, and the rules keep the others.
        (CONTACTS, "lead", False),
        # The rules keep an evangelist that has won deals, and lead no other on.
        (CONTACTS, "evangelist", False),
        (CONTACTS, "a stage that the policy does not name", False),
    ],
)
def test_the_standard_policy_always_moves_blank_contacts_alone(
    object_type: ObjectType, stage: str, expected: bool
) -> None:
    assert always_moves_stage(bind_policy(), object_type, stage) is expected


@pytest.mark.parametrize(
    ("text", "stage", "expected"),
    [
        (policy_with_rule('stage == "lead"'), "lead", True),
        (policy_with_rule('stage == "lead"'), "subscriber", False),
        # Who has a score of 80 is moved, and the others are not.
        (policy_with_rule('stage == "lead" and contact.score >= 80'), "lead", False),
        (policy_with_rule('stage == "lead"', stage="keep"), "lead", False),
        # A rule for some records that keeps them stands before the one for all.
        (
            policy_with_rule(
                "contact.score >= 80",
                stage="keep",
                extra='  - name: next\n    when: stage == "lead"\n    stage: other\n'
                "    direction: any\n    reason: next\n",
            ),
            "lead",
            False,
        ),
        (policy_with_rule('stage == "other"', stage="lead"), "other", False),
        ("extends: standard\nsettings: {scope: deals.open > 0}", "", False),
        # Who follows a company may keep the stage, which the company decides.
        (
            "extends: standard\nsettings: {company_sync: {mode: both}}\nrules:\n"
            "  - name: mine\n    for: contacts\n    when: stage is blank\n"
            "    stage: $company.stage\n    reason: mine\n",
            "",
            False,
        ),
    ],
)
def test_a_stage_is_always_moved_only_where_no_rule_may_keep_it(
    text: str, stage: str, expected: bool
) -> None:
    assert always_moves_stage(bind_policy(text), CONTACTS, stage) is expected


def test_a_status_is_always_replaced_only_where_it_is_in_every_stage() -> None:
    ban = (
        "extends: standard\nlead_status:\n  - name: ban\n    when: {when}\n"
        "    lead_status: clear\n    reason: banned\n"
    )
    everywhere = bind_policy(ban.format(when='status == "IN_PROGRESS"'))
    somewhere = bind_policy(ban.format(when='status == "IN_PROGRESS" and deals.open > 0'))
    assert always_moves_status(everywhere, CONTACTS, "IN_PROGRESS")
    assert not always_moves_status(somewhere, CONTACTS, "IN_PROGRESS")
    assert not always_moves_status(everywhere, CONTACTS, "")
    assert not always_moves_status(everywhere, CONTACTS, "NEW")
    assert not always_moves_status(everywhere, COMPANIES, "IN_PROGRESS")
    kept = bind_policy(ban.format(when='status == "NEW"').replace("clear", "NEW"))
    assert not always_moves_status(kept, CONTACTS, "NEW")
    scoped = f"{ban.format(when='always')}settings: {{scope: deals.open > 0}}\n"
    assert not always_moves_status(bind_policy(scoped), CONTACTS, "IN_PROGRESS")
