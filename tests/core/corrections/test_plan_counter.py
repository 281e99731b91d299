"""The figures of a plan stay short, whatever it holds."""

from __future__ import annotations

from connector.core.corrections.plan import PlanCounter, parse_summary
from connector.core.model import ObjectType, Ref


def refs(kind: ObjectType, count: int) -> list[Ref]:
    return [Ref(kind, str(number)) for number in range(1, count + 1)]


def test_the_first_twenty_waiting_companies_are_named_each_with_five_contacts() -> None:
    counter = PlanCounter()
    for company in refs(ObjectType.COMPANIES, 21):
        counter.name_waiting(company, refs(ObjectType.CONTACTS, 6))
    waiting = counter.summary().waiting_companies
    assert len(waiting) == 20
    assert list(waiting["companies/1"]) == [f"contacts/{number}" for number in range(1, 6)]


def test_figures_are_read_as_they_were_written() -> None:
    counter = PlanCounter()
    counter.name_waiting(*refs(ObjectType.COMPANIES, 1), refs(ObjectType.CONTACTS, 1))
    summary = counter.summary()
    assert parse_summary(summary.document()) == summary
