"""What HubSpot's own settings do is learnt from histories, or stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.core.history.native_automation import (
    Native,
    Occasion,
    is_by_setting,
    learn_company_sync,
    learn_deal_setting,
    learn_first_stage,
)
from connector.core.model import Version

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = AT + timedelta(days=30)
ORDER = ("lead", "opportunity", "customer")


def version(value: str, minutes: float, source: str = "CRM_UI", source_id: str = "") -> Version:
    at = AT + timedelta(minutes=minutes)
    return Version(value=value, at=at, source_type=source, source_id=source_id)


def occasion(*versions: Version, expected: str = "opportunity", is_linked: bool = True) -> Occasion:
    return Occasion(at=AT, versions=versions, expected=expected, is_linked=is_linked)


REACTED = occasion(
    version("lead", -60), version("opportunity", 1, "PIPELINE_SETTINGS", "LCS-set-on-Deal")
)
SILENT = occasion(version("lead", -60))


@pytest.mark.parametrize(
    ("occasions", "state", "stage"),
    [
        ([REACTED] * 3, Native.ON, "opportunity"),
        ([REACTED] * 4 + [SILENT] * 3, Native.ON, "opportunity"),
        ([REACTED] * 3 + [SILENT] * 3, Native.UNKNOWN, ""),
        ([REACTED] * 2, Native.UNKNOWN, ""),
        ([SILENT] * 3, Native.OFF, ""),
        ([SILENT] * 2, Native.UNKNOWN, ""),
        ([REACTED] + [SILENT] * 9, Native.UNKNOWN, ""),
        ([], Native.UNKNOWN, ""),
    ],
)
def test_a_deal_setting_is_known_where_three_cases_agree(
    occasions: list[Occasion], state: Native, stage: str
) -> None:
    setting = learn_deal_setting(occasions, ORDER, now=NOW)
    assert (setting.state, setting.stage) == (state, stage)


@pytest.mark.parametrize(
    "case",
    [
        # The record had the stage already, or another writer set it in the meantime.
        occasion(version("customer", -60)),
        occasion(version("lead", -60), version("opportunity", 2)),
        # Nobody knows what its stage was, or whether it was linked.
        occasion(version("lead", 30)),
        occasion(version("lead", -60), is_linked=False),
        # Nobody knows where the stage is among the others.
        occasion(version("lead", -60), expected="unheard-of"),
        # The setting is for leads.
        occasion(
            version("customer", -60),
            version("opportunity", 1, "PIPELINE_SETTINGS", "LCS-set-on-Lead-association"),
        ),
    ],
)
def test_a_case_in_which_nothing_was_to_do_shows_nothing(case: Occasion) -> None:
    setting = learn_deal_setting([case] * 9, ORDER, now=NOW)
    assert setting.state is Native.UNKNOWN
    assert (setting.acted, setting.silent) == (0, 0)


def test_what_happened_a_moment_ago_shows_nothing_yet() -> None:
    setting = learn_deal_setting([SILENT] * 9, ORDER, now=AT + timedelta(minutes=1))
    assert setting.state is Native.UNKNOWN


@pytest.mark.parametrize("source", ["COMPANIES", "PIPELINE_SETTINGS"])
def test_company_sync_is_known_by_contacts_that_follow(source: str) -> None:
    followed = occasion(version("opportunity", 0, source))
    assert learn_company_sync([followed] * 3, ORDER, now=NOW).state is Native.ON
    assert learn_company_sync([SILENT] * 3, ORDER, now=NOW).state is Native.OFF


def test_what_a_deal_set_is_no_company_sync() -> None:
    assert learn_company_sync([REACTED] * 9, ORDER, now=NOW).state is Native.UNKNOWN


@pytest.mark.parametrize(
    ("leads", "blanks", "state", "stage"),
    [
        (10, 0, Native.ON, "lead"),
        (8, 2, Native.ON, "lead"),
        (7, 3, Native.UNKNOWN, ""),
        (0, 10, Native.OFF, ""),
        (9, 0, Native.UNKNOWN, ""),
    ],
)
def test_the_first_stage_is_known_where_most_new_records_begin_alike(
    leads: int, blanks: int, state: Native, stage: str
) -> None:
    by_setting = version("lead", 0, "PROPERTY_DEFAULT_VALUE")
    records = [(AT, (by_setting, version("customer", 50)))] * leads
    records += [(AT, (version("lead", 5),))] * blanks
    setting = learn_first_stage(records)
    assert (setting.state, setting.stage) == (state, stage)


@pytest.mark.parametrize("source", ["IMPORT", "FORM", "CRM_UI", "INTEGRATION", "API", ""])
def test_a_first_stage_that_somebody_else_set_shows_no_setting(source: str) -> None:
    setting = learn_first_stage([(AT, (version("lead", 0, source),))] * 50)
    assert setting.state is Native.UNKNOWN


def test_a_setting_is_known_by_its_source() -> None:
    assert is_by_setting(version("lead", 0, "COMPANIES"))
    assert not is_by_setting(version("lead", 0))
