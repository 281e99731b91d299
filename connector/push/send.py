"""Send changes until each is written, refused, or known to fail whenever it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connector.context import RunContext
from connector.core.model import STAGE, Ref
from connector.errors import ConnectorError, UserError
from connector.hubspot.api import Refusal
from connector.hubspot.http.failures import (
    BatchRefused,
    OutcomeUnknown,
    RequestRefused,
    ScopeMissing,
    TokenRefused,
)

Changes = Mapping[Ref, Mapping[str, str]]
RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds, while nothing is known of a write
_REFUSAL_DELAYS = (1.0, 2.0, 4.0)  # seconds, for a refusal of all that is sent (401, 403, HTML)
_BATCH_DELAYS = (1.0, 2.0, 4.0)  # seconds, before a failing batch is halved
_PART_DELAYS = (1.0,)  # seconds, for the halves of a batch that failed again and again
_FINISHING_DELAY = 1.0  # seconds, before a refusal is believed while the record is blank
_MAX_FAILING_RECORDS = 3  # of one batch of which nothing is taken: then it is HubSpot that fails
_NOT_NAMED = Refusal(message="HubSpot answered without naming the record, and did not write it.")
_NOT_FOUND = Refusal(message="The record is archived or deleted.", category="OBJECT_NOT_FOUND")

_Unclear = tuple[dict[Ref, Mapping[str, str]], ConnectorError | None]


@dataclass(frozen=True, slots=True)
class SendResult:
    """What is known after sending, by record and property, and by record.

    `refused` holds what HubSpot said it would not write; `failures` holds the records whose
    write failed each time, however often it was sent alone, and was not there when it was read
    back; `accepted` holds the records that an answer names as written. Whether a value was
    *stored*, only reading tells.
    """

    refused: dict[tuple[Ref, str], Refusal] = field(default_factory=dict)
    correlation_ids: dict[Ref, str] = field(default_factory=dict)
    failures: dict[tuple[Ref, str], ConnectorError] = field(default_factory=dict)
    accepted: set[Ref] = field(default_factory=set)

    def note_refusal(self, ref: Ref, properties: Iterable[str], refusal: Refusal) -> None:
        """Note that these properties of a record were refused."""
        self.correlation_ids[ref] = refusal.correlation_id
        self.refused.update({(ref, name): refusal for name in properties})

    def was_not_taken(self, ref: Ref, name: str) -> bool:
        """Return whether HubSpot refused this property, or failed whenever it was sent."""
        return (ref, name) in self.refused or (ref, name) in self.failures

    def reason(self, ref: Ref, name: str) -> str:
        """Return why a property was not taken, "" where nothing is known."""
        refusal = self.refused.get((ref, name))
        if refusal is not None:
            return refusal.message
        failure = self.failures.get((ref, name))
        return f"HubSpot fails whenever this is sent: {failure}" if failure is not None else ""

    def add(self, later: SendResult) -> None:
        """Take over what a later sending showed: what was taken then is refused no more."""
        for key in [*self.refused, *self.failures]:
            if key[0] in later.accepted:
                self.refused.pop(key, None)
                self.failures.pop(key, None)
        self.refused.update(later.refused)
        self.failures.update(later.failures)
        self.correlation_ids.update(later.correlation_ids)
        self.accepted.update(later.accepted)


def send(context: RunContext, changes: Changes, *, finishing: bool = False) -> SendResult:
    """Send at most 100 changes of one type, and find out which of them HubSpot does not take.

    A write whose outcome is unknown is read back before it is sent again, so nothing is
    written twice without need, and nothing is believed without being seen (HubSpot has no
    conditional writes, and a timeout says nothing about what was stored). A failure is taken
    for a lasting one by repetition alone, whatever its code: the batch is sent again, halved,
    and each record that fails alone, time after time, stands in `failures`.

    With `finishing`, records stand blank: a refusal is believed only after it was repeated.

    Raise the last failure where three records fail alone and HubSpot takes none of the batch:
    then it is HubSpot, the token or the network that fails, not the records. With `finishing`,
    each of the others is sent once before that: the three may be the only ones; and nothing is
    raised where HubSpot took other writes of the run.
    """
    sent = SendResult()
    if changes:
        _send_repeatedly(context, changes, sent, finishing=finishing, is_part=False)
    if _takes_nothing(sent) and not (finishing and context.state.accepted_writes):
        raise next(reversed(sent.failures.values()))
    return sent


def _takes_nothing(sent: SendResult) -> bool:
    """Return whether several records failed alone, and HubSpot has taken none."""
    failing_records = {ref for ref, _ in sent.failures}
    return len(failing_records) >= _MAX_FAILING_RECORDS and not sent.accepted


def _send_repeatedly(
    context: RunContext, changes: Changes, sent: SendResult, *, finishing: bool, is_part: bool
) -> None:
    """Send these changes, again after each wait, then in halves, until all is known.

    Comes in: changes of records of one type. Their outcomes are noted in `sent`. Nothing is sent
    again before it was read: a write whose answer was lost may have arrived.
    """
    is_last_try = _takes_nothing(sent)
    unclear, failure = _send_once(context, changes, sent, finishing=finishing)
    delays = _delays(failure, records=len(changes), is_part=is_part)
    # Each wait gives HubSpot time; what arrived meanwhile is not sent again.
    for delay in () if is_last_try else delays:
        if not unclear:
            return
        context.wait(delay)
        unclear = _read_unwritten(context, unclear, sent)
        if unclear:
            unclear, failure = _send_once(context, unclear, sent, finishing=finishing)
    unclear = _read_unwritten(context, unclear, sent)
    if failure is None:
        # Every answer came, and none of them names these records.
        for ref, values in unclear.items():
            sent.note_refusal(ref, values, _NOT_NAMED)
    # It still fails: a record of these may be the reason, and is looked for by halving.
    elif unclear:
        _isolate_failure(context, unclear, sent, failure, finishing=finishing)


def _isolate_failure(
    context: RunContext,
    changes: Changes,
    sent: SendResult,
    failure: ConnectorError,
    *,
    finishing: bool,
) -> None:
    """Send what failed again and again in parts: one record, or one property, may be the cause.

    A token that HubSpot does not take, or that lacks a scope which HubSpot names, is the cause
    for every record: its error is raised, unless records stand blank.
    """
    if not finishing and _is_of_the_token(failure):
        raise failure
    parts = _split(changes)
    if len(parts) > 1:
        for part in parts:
            _send_repeatedly(context, part, sent, finishing=finishing, is_part=True)
        return
    sent.failures.update({(ref, name): failure for ref in changes for name in changes[ref]})
    if not finishing and _takes_nothing(sent):
        raise failure


def _is_of_the_token(failure: ConnectorError) -> bool:
    return isinstance(failure, TokenRefused) or (
        isinstance(failure, ScopeMissing) and bool(failure.scopes)
    )


def _delays(failure: ConnectorError | None, *, records: int, is_part: bool) -> tuple[float, ...]:
    """Return the waits, in seconds, before these changes are sent again."""
    if is_part:
        return _PART_DELAYS if records > 1 else _BATCH_DELAYS
    if isinstance(failure, (UserError, RequestRefused)):
        return _REFUSAL_DELAYS
    return _BATCH_DELAYS if records > 1 else RETRY_DELAYS


def _send_once(
    context: RunContext, changes: Changes, sent: SendResult, *, finishing: bool
) -> _Unclear:
    """Send once, halving a refused batch; return what stays unclear, and why."""
    try:
        answer = context.api.update(changes)
    except BatchRefused as refused:
        return _send_in_parts(context, changes, sent, refused, finishing=finishing)
    except (OutcomeUnknown, UserError, RequestRefused) as error:
        # Before HubSpot there is an edge that now and then answers with 401, 403, 404 or 302
        # what passes a moment later: these are repeated as well before they are believed.
        return dict(changes), error
    for ref, refusal in answer.refused.items():
        sent.note_refusal(ref, changes.get(ref, ()), refusal)
    for ref in answer.updated:
        sent.correlation_ids[ref] = answer.correlation_id
    sent.accepted.update(answer.updated)
    context.state.accepted_writes += len(answer.updated)
    return {ref: changes[ref] for ref in answer.unanswered}, None


def _send_in_parts(
    context: RunContext,
    changes: Changes,
    sent: SendResult,
    refused: BatchRefused,
    *,
    finishing: bool,
) -> _Unclear:
    """Find the record, and in it the property, that spoils a batch; the rest gets through."""
    parts = _split(changes)
    if len(parts) == 1:
        if finishing:
            # The record is blank: one refusal more or less costs a second, a belief too early
            # costs the record its stage.
            context.wait(_FINISHING_DELAY)
            return _send_once(context, changes, sent, finishing=False)
        refusal = Refusal(
            message=str(refused),
            category=refused.category,
            correlation_id=refused.correlation_id,
            property_names=refused.property_names,
        )
        for ref, values in changes.items():
            sent.note_refusal(ref, values, refusal)
        return {}, None
    unclear: dict[Ref, Mapping[str, str]] = {}
    failure: ConnectorError | None = None
    for part in parts:
        part_unclear, part_failure = _send_once(context, part, sent, finishing=finishing)
        for ref, values in part_unclear.items():
            unclear[ref] = {**unclear.get(ref, {}), **values}
        failure = part_failure or failure
    return unclear, failure


def _split(changes: Changes) -> list[Changes]:
    """Halve a batch; part the properties of a single record, the stage first."""
    refs = list(changes)
    if len(refs) > 1:
        middle = len(refs) // 2
        return [{ref: changes[ref] for ref in half} for half in (refs[:middle], refs[middle:])]
    names = sorted(changes[refs[0]], key=lambda name: name != STAGE)
    return [{refs[0]: {name: changes[refs[0]][name]}} for name in names]


def _read_unwritten(
    context: RunContext, changes: Changes, sent: SendResult
) -> dict[Ref, Mapping[str, str]]:
    """Read back, and return what is not yet as it was asked for."""
    if not changes:
        return {}
    names = sorted({name for values in changes.values() for name in values})
    result = context.api.read_available(list(changes), names)
    unwritten: dict[Ref, Mapping[str, str]] = {}
    for ref, values in changes.items():
        record = result.records.get(ref)
        if record is None and ref not in result.unreadable:
            sent.note_refusal(ref, values, _NOT_FOUND)
        elif record is None or any(record.value(name) != values[name] for name in values):
            unwritten[ref] = values
    return unwritten
