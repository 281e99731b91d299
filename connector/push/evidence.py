"""Read again what corrections rest on, just before they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connector.context import EvidenceCheck, RunContext
from connector.core.binding.bind import needed_properties
from connector.core.corrections.moves import Move
from connector.core.model import LEAD_STAGE, Association, Direction, ObjectType, Ref
from connector.hubspot.api import ReadResult
from connector.push.release_holds import UNDO
from state import associations, due_times, mirror

_NAMED: Final = re.compile(r"(?:deals|leads)/\d+\b")
_COMPARED_PROPERTIES: Final = {
    ObjectType.DEALS: ("dealstage", "pipeline"),
    ObjectType.LEADS: (LEAD_STAGE,),
}

Links = Mapping[Ref, tuple[Association, ...]]


def changed_evidence(context: RunContext, moves: Sequence[Move]) -> dict[Ref, str]:
    """Return why moves no longer rest on their evidence, by record; others are left out.

    The deals that a correction names are read again, and so are the associations of records
    that go back or lose a value: archiving a deal changes nothing on the linked record, and an
    answer that lacked rows looks like a deal that is gone. What is missing is asked for twice
    before it is believed. What is different is put into the mirror, so that the records are
    decided anew by what is really there.

    What was read less than `context.max_read_age` ago is not read again: the steps of a batch
    share one reading where the batch was asked for as a whole.
    """
    if not moves:
        return {}
    refs = {move.record for move in moves}
    last_check = context.state.evidence_check
    oldest = context.api.now() - context.max_read_age
    if last_check is None or last_check.at < oldest or not refs <= last_check.records:
        last_check = _check_evidence(context, moves)
        context.state.evidence_check = last_check
    return {ref: reason for ref, reason in last_check.reasons.items() if ref in refs}


def _check_evidence(context: RunContext, moves: Sequence[Move]) -> EvidenceCheck:
    """Read again what these moves rest on; two requests for a hundred, where nothing is missing."""
    at = context.api.now()
    # What an earlier reading found changed is in the mirror as it is now, and would look
    # unchanged: the corrections of this plan rest on what it was before.
    changed_records = context.state.changed_records
    changed_records |= _changed_named_records(context, moves)
    reasons = {
        move.record: changed_records[ref]
        for move in moves
        for ref in _named_records(move)
        if ref in changed_records
    }
    changed_links = context.state.changed_links
    changed_links |= _changed_links(context, [move.record for move in moves if _takes_away(move)])
    for ref in changed_links & {move.record for move in moves}:
        reasons.setdefault(ref, "its deals have changed since it was decided")
    if reasons:
        with context.begin() as session:
            due_times.mark_due(session, reasons, at=at)
    return EvidenceCheck(records=frozenset(move.record for move in moves), reasons=reasons, at=at)


def _named_records(move: Move) -> set[Ref]:
    """Return the deals and leads that a move names as its evidence."""
    return {
        Ref.parse(named.group())
        for correction in move.corrections
        for text in correction.evidence
        if (named := _NAMED.match(text))
    }


def _takes_away(move: Move) -> bool:
    """Return whether a rule moves back or clears: too few deals would be a wrong reason for it."""
    return any(
        correction.direction in {Direction.BACKWARD, Direction.CLEAR} and correction.rule != UNDO
        for correction in move.corrections
    )


def _changed_named_records(context: RunContext, moves: Sequence[Move]) -> dict[Ref, str]:
    """Return the deals and leads named as evidence that changed, and say how."""
    named = set().union(*map(_named_records, moves))
    changed: dict[Ref, str] = {}
    for kind, names in _COMPARED_PROPERTIES.items():
        refs = sorted(ref for ref in named if ref.object_type is kind)
        if refs:
            changed |= _changed_records(context, refs, names)
    return changed


def _changed_records(
    context: RunContext, named: Sequence[Ref], names: Sequence[str]
) -> dict[Ref, str]:
    """Return which of these are missing or in another stage, and say which; the mirror follows.

    Comes in: the records that corrections name as evidence, and the properties that tell their
    stage. The records behind changed ones become due, since they were decided on what was. Rests
    on batch reads, which leave out what is missing and answer a merged id with its survivor
    (HubSpot's guide to the CRM object APIs).
    """
    with context.reading() as session:
        mirrored = mirror.get(session, named)
    # A record that the mirror does not hold is an undo's, or of another portal's words.
    refs = [ref for ref in named if ref in mirrored]
    result = _read_twice(context, refs, names)
    current = result.records
    # What HubSpot does not serve is neither missing nor changed: the mirror's word stands.
    refs = [ref for ref in refs if ref not in result.unreadable]
    missing_refs = {ref for ref in refs if ref not in current or current[ref].ref != ref}
    changed = {
        ref
        for ref in refs
        if ref not in missing_refs
        and any(current[ref].value(name) != mirrored[ref].value(name) for name in names)
    }
    # Whoever was decided on them is decided again, by what they are now.
    if missing_refs or changed:
        now = context.api.now()
        with context.begin() as session:
            mirror.patch(session, [current[ref] for ref in changed], due_at=now)
            mirror.archive(session, missing_refs, at=now)
            links = associations.read_of_deals(session, missing_refs | changed)
            linked = {link.target for record_links in links.values() for link in record_links}
            due_times.mark_due(session, linked, at=now)
    return {
        **{ref: f"{ref} is archived, deleted or merged" for ref in missing_refs},
        **{ref: f"{ref} has changed its stage" for ref in changed},
    }


def _read_twice(context: RunContext, refs: Sequence[Ref], names: Sequence[str]) -> ReadResult:
    """Read records, and what is missing once more: an answer may lack rows."""
    result = ReadResult()
    for _ in range(2):
        missing = [ref for ref in refs if ref not in result.records | result.unreadable]
        if missing:
            answer = context.api.read_available(missing, names)
            result.records.update(answer.records)
            result.unreadable.update(answer.unreadable)
    return result


def _changed_links(context: RunContext, refs: Sequence[Ref]) -> set[Ref]:
    """Return the records whose deals are others than mirrored; the mirror follows.

    Where HubSpot's answer lacks deals that are mirrored, it is asked for once more.
    """
    if not refs:
        return set()
    with context.reading() as session:
        mirrored = associations.read_to_deals(session, refs)
    current = context.api.associations(refs, ObjectType.DEALS).links
    lacking = [ref for ref in current if _targets(mirrored[ref]) - _targets(current[ref])]
    if lacking:
        current = {**current, **context.api.associations(lacking, ObjectType.DEALS).links}
    changed = {
        ref: links for ref, links in current.items() if _targets(links) != _targets(mirrored[ref])
    }
    if changed:
        _store_links(context, changed)
    # What cannot be read cannot be confirmed, and nothing goes back on it.
    return {*changed, *(ref for ref in refs if ref not in current)}


def _store_links(context: RunContext, changed: Links) -> None:
    """Put associations into the mirror, with the deals that it did not hold."""
    targets = {target for links in changed.values() for target in _targets(links)}
    with context.reading() as session:
        unknown = sorted(targets - mirror.known_refs(session, targets))
    names = needed_properties(context.policy, context.portal)[ObjectType.DEALS]
    deals = context.api.read_available(unknown, names).records.values() if unknown else ()
    with context.begin() as session:
        mirror.put(session, list(deals), due_at=context.api.now())
        associations.replace_all(session, changed, ObjectType.DEALS)


def _targets(links: Iterable[Association]) -> set[Ref]:
    return {link.target for link in links}
