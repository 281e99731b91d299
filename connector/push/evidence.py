"""Read again what corrections rest on, just before they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connector.context import EvidenceCheck, RunContext
from connector.core.binding.bind import needed_properties
from connector.core.corrections.moves import Move
from connector.core.model import Association, Direction, ObjectType, Record, Ref
from connector.hubspot.api import ReadResult
from connector.push.release_holds import UNDO
from state import associations, mirror

_DEAL: Final = re.compile(r"deals/(\d+)\b")
_DEAL_PROPERTIES: Final = ("dealstage", "pipeline")

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
    changed_deals = context.state.changed_deals
    changed_deals |= _changed_deals(context, moves)
    reasons = {
        move.record: changed_deals[deal]
        for move in moves
        for deal in _named_deals(move)
        if deal in changed_deals
    }
    changed_links = context.state.changed_links
    changed_links |= _changed_links(context, [move.record for move in moves if _takes_away(move)])
    for ref in changed_links & {move.record for move in moves}:
        reasons.setdefault(ref, "its deals have changed since it was decided")
    if reasons:
        with context.begin() as session:
            mirror.mark_due(session, reasons, at=at)
    return EvidenceCheck(records=frozenset(move.record for move in moves), reasons=reasons, at=at)


def _named_deals(move: Move) -> set[Ref]:
    return {
        Ref(ObjectType.DEALS, deal.group(1))
        for correction in move.corrections
        for text in correction.evidence
        if (deal := _DEAL.match(text))
    }


def _takes_away(move: Move) -> bool:
    """Return whether a rule moves back or clears: too few deals would be a wrong reason for it."""
    return any(
        correction.direction in {Direction.BACKWARD, Direction.CLEAR} and correction.rule != UNDO
        for correction in move.corrections
    )


def _changed_deals(context: RunContext, moves: Sequence[Move]) -> dict[Ref, str]:
    """Return the deals named as evidence that are missing or in another stage, and say which."""
    named = sorted(set().union(*map(_named_deals, moves)))
    with context.reading() as session:
        mirrored = mirror.get(session, named)
    # A deal that the mirror does not hold is an undo's, or of another portal's words.
    deals = [deal for deal in named if deal in mirrored]
    result = _read_twice(context, deals)
    current = result.records
    # A deal that HubSpot does not serve is neither missing nor changed: the mirror's word stands.
    deals = [deal for deal in deals if deal not in result.unreadable]
    missing_refs = {deal for deal in deals if deal not in current or current[deal].ref != deal}
    changed = {
        deal
        for deal in deals
        if deal not in missing_refs and _has_moved(mirrored[deal], current[deal])
    }
    if missing_refs or changed:
        now = context.api.now()
        with context.begin() as session:
            mirror.patch(session, [current[deal] for deal in changed], due_at=now)
            mirror.archive(session, missing_refs, at=now)
            links = associations.read_of_deals(session, missing_refs | changed)
            linked = {link.target for deal_links in links.values() for link in deal_links}
            mirror.mark_due(session, linked, at=now)
    return {
        **{deal: f"{deal} is archived, deleted or merged" for deal in missing_refs},
        **{deal: f"{deal} has changed its stage" for deal in changed},
    }


def _has_moved(mirrored: Record, current: Record) -> bool:
    return any(current.value(name) != mirrored.value(name) for name in _DEAL_PROPERTIES)


def _read_twice(context: RunContext, deals: Sequence[Ref]) -> ReadResult:
    """Read deals, and what is missing once more: an answer may lack rows."""
    result = ReadResult()
    for _ in range(2):
        missing = [deal for deal in deals if deal not in result.records | result.unreadable]
        if missing:
            answer = context.api.read_available(missing, _DEAL_PROPERTIES)
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
