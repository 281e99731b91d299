"""Send changes until each is written, refused alone, or known not to be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connector.context import RunContext
from connector.core.model import STAGE, Ref
from connector.errors import TemporaryError
from connector.hubspot.api import Refusal
from connector.hubspot.http.failures import BatchRefused, OutcomeUnknown

Changes = Mapping[Ref, Mapping[str, str]]
_RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)
_NOT_NAMED = Refusal(message="HubSpot answered without naming the record, and did not write it.")
_NOT_FOUND = Refusal(message="The record is archived or deleted.", category="OBJECT_NOT_FOUND")


@dataclass(frozen=True, slots=True)
class SendResult:
    """What is known after sending: refusals by record and property, correlation ids by record.

    Whatever is not refused was accepted; whether it was *stored*, only reading tells.
    """

    refused: dict[tuple[Ref, str], Refusal] = field(default_factory=dict)
    correlation_ids: dict[Ref, str] = field(default_factory=dict)

    def note_refusal(self, ref: Ref, properties: Iterable[str], refusal: Refusal) -> None:
        """Note that these properties of a record were refused."""
        self.correlation_ids[ref] = refusal.correlation_id
        self.refused.update({(ref, name): refusal for name in properties})


def send(context: RunContext, changes: Changes) -> SendResult:
    """Send at most 100 changes of one type; raise TemporaryError where HubSpot stays away.

    A write whose outcome is unknown is read back before it is sent again, so nothing is
    written twice without need, and nothing is believed without being seen.
    """
    sent = SendResult()
    unclear, failure = _send_once(context, changes, sent)
    for delay in _RETRY_DELAYS:
        if not unclear:
            return sent
        context.wait(delay)
        unclear = _read_unwritten(context, unclear, sent)
        unclear, failure = _send_once(context, unclear, sent) if unclear else ({}, None)
    unclear = _read_unwritten(context, unclear, sent)
    if unclear and failure is not None:
        raise failure
    for ref, values in unclear.items():
        sent.note_refusal(ref, values, _NOT_NAMED)
    return sent


def _send_once(
    context: RunContext, changes: Changes, sent: SendResult
) -> tuple[dict[Ref, Mapping[str, str]], TemporaryError | None]:
    """Send once, halving a refused batch; return what stays unclear, and why."""
    try:
        answer = context.api.update(changes)
    except OutcomeUnknown as error:
        return dict(changes), error
    except BatchRefused as refused:
        return _send_in_parts(context, changes, sent, refused)
    for ref, refusal in answer.refused.items():
        sent.note_refusal(ref, changes.get(ref, ()), refusal)
    for ref in answer.updated:
        sent.correlation_ids[ref] = answer.correlation_id
    return {ref: changes[ref] for ref in answer.unanswered}, None


def _send_in_parts(
    context: RunContext, changes: Changes, sent: SendResult, refused: BatchRefused
) -> tuple[dict[Ref, Mapping[str, str]], TemporaryError | None]:
    """Find the record, and in it the property, that spoils a batch; the rest gets through."""
    parts = _split(changes)
    if len(parts) == 1:
        refusal = Refusal(
            message=str(refused), category=refused.category, correlation_id=refused.correlation_id
        )
        for ref, values in changes.items():
            sent.note_refusal(ref, values, refusal)
        return {}, None
    unclear: dict[Ref, Mapping[str, str]] = {}
    failure: TemporaryError | None = None
    for part in parts:
        part_unclear, part_failure = _send_once(context, part, sent)
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
    records = context.api.read(list(changes), names)
    unwritten: dict[Ref, Mapping[str, str]] = {}
    for ref, values in changes.items():
        if ref not in records:
            sent.note_refusal(ref, values, _NOT_FOUND)
        elif any(records[ref].value(name) != wanted for name, wanted in values.items()):
            unwritten[ref] = values
    return unwritten
