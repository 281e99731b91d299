"""Who sets a property, and who sets back the value of another writer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.core.history.conflicts import Writer, WriterConflicts, edits, mark_own_versions
from connector.core.history.writers import may_be_ours
from connector.core.model import STAGE, ObjectType, Ref, Version

ANNA = Ref(ObjectType.CONTACTS, "1")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORKFLOW = Writer("AUTOMATION_PLATFORM")
APP = Writer("INTEGRATION", "77")


def version(value: str, hours: float, source: str, source_id: str = "", label: str = "") -> Version:
    return Version(
        value=value,
        at=NOON + timedelta(hours=hours),
        source_type=source,
        source_id=source_id,
        source_label=label,
    )


def workflow_version(value: str, hours: float) -> Version:
    return version(value, hours, "AUTOMATION_PLATFORM", f"enrollmentId:{hours}")


def app_version(value: str, hours: float) -> Version:
    return version(value, hours, "INTEGRATION", "77")


def test_a_clear_and_the_set_after_it_are_one_edit() -> None:
    edits_found = list(
        edits(
            [
                app_version("customer", 0),
                app_version("", 5),
                app_version("lead", 5.001),
                workflow_version("sql", 9),
            ]
        )
    )
    assert [(edit.writer, edit.before, edit.after) for edit in edits_found] == [
        (APP, "", "customer"),
        (APP, "customer", "lead"),
        (WORKFLOW, "lead", "sql"),
    ]


def test_a_clear_that_stays_is_an_edit_of_its_own() -> None:
    edits_found = list(
        edits([app_version("customer", 0), app_version("", 5), app_version("lead", 7)])
    )
    assert [edit.after for edit in edits_found] == ["customer", "", "lead"]
    assert list(edits([])) == []


def test_whoever_brings_back_the_value_before_within_a_week_fights() -> None:
    conflicts = WriterConflicts()
    conflicts.add_versions(
        ANNA,
        STAGE,
        [app_version("lead", 0), workflow_version("customer", 1), app_version("lead", 2)],
    )
    (((_, first_writer, second_writer), conflict),) = conflicts.conflicts.items()
    assert (first_writer, second_writer, conflict.edit_count, conflict.examples) == (
        WORKFLOW,
        APP,
        1,
        (ANNA,),
    )
    assert conflict.last_at == NOON + timedelta(hours=2)


def test_neither_a_third_value_nor_a_late_return_nor_ones_own_is_a_fight() -> None:
    conflicts = WriterConflicts()
    conflicts.add_versions(
        ANNA,
        STAGE,
        [app_version("lead", 0), workflow_version("customer", 1), app_version("sql", 2)],
    )
    conflicts.add_versions(
        ANNA,
        STAGE,
        [app_version("lead", 0), workflow_version("customer", 1), app_version("lead", 9 * 24)],
    )
    conflicts.add_versions(
        ANNA,
        STAGE,
        [app_version("lead", 0), workflow_version("customer", 1), workflow_version("lead", 2)],
    )
    assert conflicts.conflicts == {}


def test_each_writer_is_counted_with_its_records_and_its_last_time() -> None:
    conflicts = WriterConflicts()
    conflicts.add_versions(
        ANNA,
        STAGE,
        [
            app_version("lead", 0),
            workflow_version("customer", 1),
            workflow_version("evangelist", 2),
        ],
    )
    conflicts.add_versions(Ref(ObjectType.CONTACTS, "2"), STAGE, [workflow_version("lead", 0)])
    counts = {
        key: (activity.edit_count, len(activity.records))
        for key, activity in conflicts.writers.items()
    }
    assert counts == {(STAGE, APP): (1, 1), (STAGE, WORKFLOW): (3, 2)}
    assert conflicts.writers[STAGE, WORKFLOW].last_at == NOON + timedelta(hours=2)


def test_a_writer_is_told_by_its_label_save_a_person_whose_name_that_may_be() -> None:
    workflow = Writer.from_version(
        version("", 0, "AUTOMATION_PLATFORM", "enrollmentId:4", "Re-engage")
    )
    person = Writer.from_version(version("", 0, "CRM_UI", "userId:7", "Anna Berg"))
    unnamed_import = Writer.from_version(version("", 0, "IMPORT", "4", "IMPORT"))
    assert workflow.description == "a workflow (Re-engage)"
    assert person.description == "a person (userId:7)"
    assert unnamed_import.description == "an import (4)"


def test_our_own_versions_are_known_by_the_audit() -> None:
    write_ended_at = NOON + timedelta(hours=5, minutes=1)
    versions = [
        app_version("lead", 0),
        app_version("", 5),
        app_version("sql", 5),
        workflow_version("sql", 5),
        app_version("sql", 9),
    ]
    signed_versions = mark_own_versions(versions, {("sql", write_ended_at)}, "CONNECTOR")
    assert [signed_version.source_type for signed_version in signed_versions] == [
        *("INTEGRATION", "CONNECTOR", "CONNECTOR", "AUTOMATION_PLATFORM", "INTEGRATION"),
    ]


def test_where_our_sources_are_known_they_decide_what_is_ours() -> None:
    at = datetime(2026, 3, 12, 12, tzinfo=UTC)
    versions = tuple(
        Version(value="", at=at, source_type="INTEGRATION", source_id=source_id)
        for source_id in ("1", "4711", "")
    )
    marked = mark_own_versions(versions, {("sql", at)}, "CONNECTOR", {("INTEGRATION", "1")})
    # Without an id, the audit decides.
    assert [version.source_type for version in marked] == ["CONNECTOR", "INTEGRATION", "CONNECTOR"]


@pytest.mark.parametrize(
    ("source_id", "own_sources", "expected"),
    [
        ("1", (), True),
        ("1", {("INTEGRATION", "1")}, True),
        ("4711", {("INTEGRATION", "1")}, False),
        ("", {("INTEGRATION", "1")}, True),
    ],
)
def test_a_version_may_be_ours_by_its_source(
    source_id: str, own_sources: set[tuple[str, str]], *, expected: bool
) -> None:
    at = datetime(2026, 3, 12, 12, tzinfo=UTC)
    version = Version(value="", at=at, source_type="INTEGRATION", source_id=source_id)
    assert may_be_ours(version, own_sources) == expected
