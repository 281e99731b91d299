"""Who sets a property, and who sets back what another one had set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.core.model import STAGE, ObjectType, Ref, Version
from connector.core.rivals import Rivals, Writer, edits, signed

ANNA = Ref(ObjectType.CONTACTS, "1")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FLOW = Writer("AUTOMATION_PLATFORM")
APP = Writer("INTEGRATION", "77")


def version(value: str, hours: float, source: str, source_id: str = "", label: str = "") -> Version:
    return Version(
        value=value,
        at=NOON + timedelta(hours=hours),
        source_type=source,
        source_id=source_id,
        source_label=label,
    )


def flow(value: str, hours: float) -> Version:
    return version(value, hours, "AUTOMATION_PLATFORM", f"enrollmentId:{hours}")


def app(value: str, hours: float) -> Version:
    return version(value, hours, "INTEGRATION", "77")


def test_a_clear_and_the_set_after_it_are_one_edit() -> None:
    found = list(edits([app("customer", 0), app("", 5), app("lead", 5.001), flow("sql", 9)]))
    assert [(one.writer, one.before, one.after) for one in found] == [
        (APP, "", "customer"),
        (APP, "customer", "lead"),
        (FLOW, "lead", "sql"),
    ]


def test_a_clear_that_stays_is_an_edit_of_its_own() -> None:
    found = list(edits([app("customer", 0), app("", 5), app("lead", 7)]))
    assert [one.after for one in found] == ["customer", "", "lead"]
    assert list(edits([])) == []


def test_whoever_brings_back_the_value_before_within_a_week_fights() -> None:
    rivals = Rivals()
    rivals.note(ANNA, STAGE, [app("lead", 0), flow("customer", 1), app("lead", 2)])
    (((_, one, two), habit),) = rivals.fights.items()
    assert (one, two, habit.times, habit.examples) == (FLOW, APP, 1, (ANNA,))
    assert habit.last_at == NOON + timedelta(hours=2)


def test_neither_a_third_value_nor_a_late_return_nor_ones_own_is_a_fight() -> None:
    rivals = Rivals()
    rivals.note(ANNA, STAGE, [app("lead", 0), flow("customer", 1), app("sql", 2)])
    rivals.note(ANNA, STAGE, [app("lead", 0), flow("customer", 1), app("lead", 9 * 24)])
    rivals.note(ANNA, STAGE, [app("lead", 0), flow("customer", 1), flow("lead", 2)])
    assert rivals.fights == {}


def test_each_writer_is_counted_with_its_records_and_its_last_time() -> None:
    rivals = Rivals()
    rivals.note(ANNA, STAGE, [app("lead", 0), flow("customer", 1), flow("evangelist", 2)])
    rivals.note(Ref(ObjectType.CONTACTS, "2"), STAGE, [flow("lead", 0)])
    told = {key: (one.times, len(one.records)) for key, one in rivals.writers.items()}
    assert told == {(STAGE, APP): (1, 1), (STAGE, FLOW): (3, 2)}
    assert rivals.writers[STAGE, FLOW].last_at == NOON + timedelta(hours=2)


def test_a_writer_is_told_by_its_label_save_a_person_whose_name_that_may_be() -> None:
    flow_ = Writer.of(version("", 0, "AUTOMATION_PLATFORM", "enrollmentId:4", "Re-engage"))
    person = Writer.of(version("", 0, "CRM_UI", "userId:7", "Anna Berg"))
    unnamed = Writer.of(version("", 0, "IMPORT", "4", "IMPORT"))
    assert flow_.who == "a workflow (Re-engage)"
    assert person.who == "a person (userId:7)"
    assert unnamed.who == "an import (4)"


def test_our_own_versions_are_known_by_the_audit() -> None:
    ended = NOON + timedelta(hours=5, minutes=1)
    told = [app("lead", 0), app("", 5), app("sql", 5), flow("sql", 5), app("sql", 9)]
    found = signed(told, {("sql", ended)}, "CONNECTOR")
    assert [one.source_type for one in found] == [
        *("INTEGRATION", "CONNECTOR", "CONNECTOR", "AUTOMATION_PLATFORM", "INTEGRATION"),
    ]
