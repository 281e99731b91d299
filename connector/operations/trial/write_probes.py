"""Try what is not sure about writing, on marked contacts."""

from __future__ import annotations

from collections.abc import Iterator

from connector.core.model import STAGE, ObjectType, Ref
from connector.hubspot.http.response import Answer
from connector.operations.trial.trial_records import MOMENT, NotPossible, TrialRecords, succeeded

Seen = tuple[str, str]
"""The name of an assumption, and what was seen."""
CONTACTS = ObjectType.CONTACTS
_SCRATCH = "jobtitle"
_WHOLE_BATCH, _ALONE = "the whole batch", "the record alone"


def probe_backward_write(records: TrialRecords) -> Iterator[Seen]:
    """Set an earlier stage alone, and in a batch with a good record."""
    early, middle, late, *_ = records.stages()
    contact, good_contact = records.create(CONTACTS, {STAGE: late}, {STAGE: early})
    modified = records.modified(contact)
    answer = records.update([(contact, {STAGE: early})])
    after = records.read(contact, [STAGE])
    stage = after["properties"].get(STAGE)
    if _is_refused(answer):
        yield "backward-write", "refused"
        batch = records.update([(contact, {STAGE: early}), (good_contact, {STAGE: middle})])
        is_whole = batch.status == 400 or records.value(good_contact) != middle
        yield "backward-refusal", _WHOLE_BATCH if is_whole else _ALONE
        return
    yield "backward-write", "written" if stage == early else "ignored"
    yield "backward-refusal", "nothing is refused"
    if stage == early:
        return
    (row,) = succeeded(answer)
    shown = {late: "the old stage", early: "the asked stage"}
    yield "ignored-echo", shown.get(row["properties"].get(STAGE), "no stage")
    yield "ignored-warning", _yes_or_no(bool(row.get("warnings")))
    yield "ignored-modified", _yes_or_no(after["updatedAt"] != modified)


def probe_identical_write(records: TrialRecords) -> Iterator[Seen]:
    """Write one value twice."""
    (contact,) = records.create(CONTACTS, {_SCRATCH: "Tester"})
    modified = records.modified(contact)
    succeeded(records.update([(contact, {_SCRATCH: "Tester"})]))
    yield "identical-modified", _yes_or_no(records.read(contact)["updatedAt"] != modified)


def probe_clear(records: TrialRecords) -> Iterator[Seen]:
    """Clear a stage and look at it again, then clear and set another one without a wait."""
    early, _, late, *_ = records.stages()
    contact, second_contact = records.create(CONTACTS, {STAGE: late}, {STAGE: late})
    answer = records.update([(contact, {STAGE: ""})])
    if _is_refused(answer):
        yield "clear-refused", "refused"
        return
    yield "clear-refused", "cleared"
    filled = records.value_after_automations(contact, "")
    yield "gap-filled", filled or "no"
    succeeded(records.update([(second_contact, {STAGE: ""})]))
    records.update([(second_contact, {STAGE: early})])
    stage = records.value(second_contact)
    if stage == early:
        yield "clear-then-set", "directly"
        return
    # Still blank: the clear was not over yet. Any other stage was set by somebody else.
    if stage not in {"", late}:
        raise NotPossible(f"an automation sets {stage} between clear and set")
    records.wait(MOMENT)
    records.update([(second_contact, {STAGE: early})])
    is_set = records.value(second_contact) == early
    yield "clear-then-set", "after a moment" if is_set else "not even after a moment"


def probe_null(records: TrialRecords) -> Iterator[Seen]:
    """Write null over a value."""
    (contact,) = records.create(CONTACTS, {_SCRATCH: "Tester"})
    records.update([(contact, {_SCRATCH: None})])
    yield "null-clears", _yes_or_no(not records.value(contact, _SCRATCH))


def probe_batches(records: TrialRecords) -> Iterator[Seen]:
    """Send batches: a good one, one with an id twice, and two with one bad record."""
    early, middle, *_ = records.stages()
    contacts = records.create(CONTACTS, *[{STAGE: early}] * 3)
    rows = succeeded(records.update([(contact, {_SCRATCH: "A"}) for contact in contacts]))
    yield "batch-order", _order([row["id"] for row in rows], [contact.id for contact in contacts])
    first, second, _ = contacts
    twice = records.update([(first, {STAGE: ""}), (first, {STAGE: middle})])
    is_refused = twice.status == 400
    yield "duplicate-ids", "the batch is refused" if is_refused else f"status {twice.status}"
    bad_option = records.update([(first, {STAGE: "no-such-stage"}), (second, {_SCRATCH: "B"})])
    yield "invalid-option", _refusal_scope(records, bad_option, second, "B")
    bad_name = records.update([(first, {"no_such_property_x": "1"}), (second, {_SCRATCH: "C"})])
    yield "unknown-property", _refusal_scope(records, bad_name, second, "C")


def probe_close_date(records: TrialRecords) -> Iterator[Seen]:
    """Take a customer back to an earlier stage."""
    early = records.stages()[0]
    if "customer" not in records.stages():
        raise NotPossible("the portal has no stage `customer`")
    (contact,) = records.create(CONTACTS, {STAGE: "customer"})
    if not records.value(contact, "closedate"):
        raise NotPossible("a new customer has no close date")
    succeeded(records.update([(contact, {STAGE: ""})]))
    records.wait(MOMENT)
    records.update([(contact, {STAGE: early})])
    if records.value(contact) != early:
        raise NotPossible("the contact did not go back")
    yield "close-date", _yes_or_no(not records.value(contact, "closedate"))


def probe_creation(records: TrialRecords) -> Iterator[Seen]:
    """Create contacts without a stage; read who wrote a value of ours."""
    contact, second_contact = records.create(CONTACTS, {_SCRATCH: "A"}, {_SCRATCH: "A"})
    yield "stage-on-create", records.value(contact) or "none"
    versions = records.read(contact, [_SCRATCH], [_SCRATCH])["propertiesWithHistory"][_SCRATCH]
    yield "api-source", str(versions[0]["sourceType"])
    times = {records.read(ref)["createdAt"] for ref in (contact, second_contact)}
    yield "equal-times", _yes_or_no(len(times) == 1)


def _is_refused(answer: Answer) -> bool:
    return answer.status == 400 or bool(answer.document().get("errors"))


def _refusal_scope(records: TrialRecords, answer: Answer, good: Ref, value: str) -> str:
    if not _is_refused(answer):
        return "nothing is refused"
    return _ALONE if records.value(good, _SCRATCH) == value else _WHOLE_BATCH


def _order(answered_ids: list[str], asked_ids: list[str]) -> str:
    if answered_ids == asked_ids:
        return "as asked"
    return "reversed" if answered_ids == asked_ids[::-1] else "in another order"


def _yes_or_no(is_so: bool) -> str:  # noqa: FBT001 - the one argument is the answer
    return "yes" if is_so else "no"
