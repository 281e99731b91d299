"""Tell a policy stage by stage, in sentences for sales and marketing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy, BoundRule
from connector.core.explain.condition_text import property_labels
from connector.core.explain.partial_condition import partial_condition
from connector.core.explain.stage_moves import (
    StageMove,
    decided_stages,
    known_facts,
    never_holds,
    stage_labels,
    stage_moves,
)
from connector.core.model import DECIDED_TYPES, ObjectType, Portal
from connector.core.policy.rule import Reason

_SUBJECTS: Final = {
    (ObjectType.CONTACTS,): "contact",
    (ObjectType.COMPANIES,): "company",
    DECIDED_TYPES: "contact or company",
}
_FOLLOWED: Final = {
    "company.stage": "takes over the stage of its primary company",
    "contacts.furthest": "takes over the furthest stage of its contacts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What a rule or row does, in words; `why` is its reason where that is the same always."""

    text: str
    rule: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSection:
    """One stage: how records come into it, how they leave it, and their lead status in it.

    `same_status_as` is the label of an earlier stage whose lead status is decided alike.
    """

    label: str
    is_parked: bool
    enters: tuple[Sentence, ...]
    leaves: tuple[Sentence, ...]
    statuses: tuple[Sentence, ...]
    same_status_as: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """A policy in sentences, with the moves for a picture of the path.

    `labels` are those of the stages in their order, by value. `scope` is "" where every record is
    meant. `rule_order` names the rules that can move or keep a record.
    """

    name: str
    version: str
    portal_id: str
    scope: str
    labels: Mapping[str, str]
    parked: frozenset[str]
    moves: tuple[StageMove, ...]
    sections: tuple[StageSection, ...]
    stays: tuple[Sentence, ...]
    rule_order: tuple[str, ...]
    sleeping: tuple[str, ...]


def document_policy(policy: BoundPolicy, portal: Portal) -> PolicyDocument:
    """Return a bound policy stage by stage, in the portal's own words."""
    names = property_labels(portal)
    contacts = policy.object_policies[ObjectType.CONTACTS]
    labels = stage_labels(policy)
    moves = stage_moves(policy, names)
    asleep = never_holds(policy, names)
    scope = contacts.scope and partial_condition(contacts.scope, known_facts(policy, names))
    rule_names = {
        rule.name
        for object_type in DECIDED_TYPES
        for rule in policy.object_policies[object_type].rules
        if rule.name not in asleep
    }
    return PolicyDocument(
        name=policy.name,
        version=policy.policy.version,
        portal_id=policy.portal_id,
        scope=scope.text if scope else "",
        labels=labels,
        parked=frozenset().union(
            *(policy.object_policies[object_type].parked_stages for object_type in DECIDED_TYPES)
        ),
        moves=moves,
        sections=tuple(_sections(policy, names, labels, moves)),
        stays=tuple(_stays(policy, names, asleep)),
        rule_order=tuple(rule.name for rule in policy.policy.rules if rule.name in rule_names),
        sleeping=tuple(
            dict.fromkeys(
                (
                    *policy.warnings,
                    *(
                        f"{name} sleeps: {_asleep_text(left.empty_settings)}"
                        for name, left in asleep.items()
                    ),
                )
            )
        ),
    )


def _asleep_text(empty_settings: Sequence[str]) -> str:
    if not empty_settings:
        return "no record can meet its condition in this portal"
    verb = "is" if len(empty_settings) == 1 else "are"
    return f"{' and '.join(empty_settings)} {verb} empty in the policy's settings"


def _sections(
    policy: BoundPolicy,
    names: Mapping[str, str],
    labels: Mapping[str, str],
    moves: Sequence[StageMove],
) -> Iterator[StageSection]:
    contacts = policy.object_policies[ObjectType.CONTACTS]
    whys = {rule.name: _fixed_reason(rule.reason) for rule in policy.policy.rules}
    label_by_statuses: dict[tuple[Sentence, ...], str] = {}
    for stage, label in labels.items():
        # Companies may have stages that contacts lack: those carry no lead status.
        statuses = tuple(_statuses(policy, names, stage)) if stage in contacts.order else ()
        aliases = [source for source, target in contacts.aliases.items() if target == stage]
        # Two stages with more than one sentence alike are told once.
        yield StageSection(
            label=label,
            is_parked=stage in contacts.parked_stages,
            enters=(
                *(
                    _enter_sentence(policy, labels, move, whys)
                    for move in moves
                    if move.target == stage
                ),
                *(
                    Sentence(
                        text=f"{labels[alias]} counts as {label}, and is moved here.", rule="alias"
                    )
                    for alias in aliases
                    if alias in labels
                ),
            ),
            leaves=tuple(_leave_sentences(policy, labels, moves, stage)),
            statuses=statuses,
            same_status_as=label_by_statuses.get(statuses, "") if len(statuses) > 1 else "",
        )
        label_by_statuses.setdefault(statuses, label)


def _enter_sentence(
    policy: BoundPolicy, labels: Mapping[str, str], move: StageMove, whys: Mapping[str, str]
) -> Sentence:
    subject = f"A {_SUBJECTS[move.object_types]}"
    origin, verb, addition = _origin_and_verb(policy, labels, move)
    when = f" when {move.when}" if move.when else ""
    return Sentence(
        text=f"{subject}{origin} {verb} {labels.get(move.target, move.target)}{addition}{when}.",
        rule=move.rule,
        why=whys.get(move.rule, ""),
    )


def _origin_and_verb(
    policy: BoundPolicy, labels: Mapping[str, str], move: StageMove
) -> tuple[str, str, str]:
    """Return from where a move leads, the verb for it, and what is to be added after its target."""
    object_policy = policy.object_policies[move.object_types[0]]
    order, parked = object_policy.order, object_policy.parked_stages
    stages = [stage for stage in decided_stages(object_policy) if stage != move.target]
    rank = order.get(move.target, len(order))
    earlier = {stage for stage in stages if order[stage] < rank and stage not in parked}
    sources = set(move.sources) - {""}
    if not sources:
        return " without a stage", "becomes", ""
    on_path = set(stages) - parked
    if sources - parked == on_path and earlier != on_path:
        return "", "becomes", ", from any stage,"
    # The usual case: forward along the path, and out of parking places where the rule says so.
    if sources - parked == earlier:
        out_of = [labels[stage] for stage in move.sources if stage in parked]
        return "", "becomes", f", out of {_or(out_of)} too," if out_of else ""
    is_back = all(order[stage] > rank and stage not in parked for stage in sources)
    stage_names = _or([labels[stage] for stage in move.sources if stage])
    return f" that is {stage_names}", "goes back to" if is_back else "becomes", ""


def _leave_sentences(
    policy: BoundPolicy, labels: Mapping[str, str], moves: Sequence[StageMove], stage: str
) -> Iterator[Sentence]:
    """Yield how a stage is left: backward and sideways with the condition, forward by name."""
    onward: dict[str, list[str]] = {}
    for move in moves:
        if stage not in move.sources:
            continue
        object_policy = policy.object_policies[move.object_types[0]]
        target = labels.get(move.target, move.target)
        is_parked = {stage, move.target} & object_policy.parked_stages
        rank, target_rank = object_policy.order[stage], object_policy.order.get(move.target, -1)
        if target_rank > rank and not is_parked:
            onward.setdefault(target, []).append(move.rule)
            continue
        back = "" if is_parked else "back "
        when = f" when {move.when}" if move.when else " at once"
        subject = "It" if len(move.object_types) > 1 else f"A {_SUBJECTS[move.object_types]}"
        yield Sentence(text=f"{subject} leaves again, {back}to {target},{when}.", rule=move.rule)
    if onward:
        yield Sentence(text=f"It moves on to {_or(list(onward))}, as said there.", rule="")


def _statuses(policy: BoundPolicy, names: Mapping[str, str], stage: str) -> Iterator[Sentence]:
    """Yield the lead status of contacts in a stage, up to the row that always fits."""
    contacts = policy.object_policies[ObjectType.CONTACTS]
    reasons = {row.name: _fixed_reason(row.reason) for row in policy.policy.rows}
    is_first = True
    for row in contacts.rows:
        left = partial_condition(row.when, known_facts(policy, names, stage))
        if left.holds is False:
            continue
        value = row.targets.get(stage, row.otherwise)
        verb = (
            "is what the stage of the lead means"
            if row.followed_fact
            else "stays as it is"
            if value is None
            else f"is {contacts.status_labels.get(value, value)}"
            if value
            else "is cleared"
        )
        otherwise = "" if is_first else "otherwise "
        subject = "Lead status" if is_first else "it"
        when = f" when {left.text}" if left.text else ""
        text = f"{otherwise}{subject} {verb}{when}."
        yield Sentence(text=text[0].upper() + text[1:], rule=row.name, why=reasons[row.name])
        is_first = False
        if left.holds:
            return


def _stays(
    policy: BoundPolicy, names: Mapping[str, str], asleep: Mapping[str, object]
) -> Iterator[Sentence]:
    """Yield the rules that move nothing by themselves: those that keep, and those that follow."""
    types_by_text: dict[tuple[str, str], list[ObjectType]] = {}
    for object_type in DECIDED_TYPES:
        for rule in policy.object_policies[object_type].rules:
            verb = _verb_without_move(rule)
            if rule.name in asleep or not verb:
                continue
            left = partial_condition(rule.when, known_facts(policy, names))
            when = f"{verb} when {left.text}" if left.text else verb
            types_by_text.setdefault((rule.name, when), []).append(object_type)
    whys = {rule.name: _fixed_reason(rule.reason) for rule in policy.policy.rules}
    places = {rule.name: place for place, rule in enumerate(policy.policy.rules)}
    for (name, when), types in sorted(types_by_text.items(), key=lambda entry: places[entry[0][0]]):
        subject = _SUBJECTS[tuple(types)]
        yield Sentence(text=f"A {subject} {when}.", rule=name, why=whys[name])


def _verb_without_move(rule: BoundRule) -> str:
    """Return what a rule without a stage of its own does, "" for a rule that names a stage."""
    if rule.followed_fact:
        return _FOLLOWED[rule.followed_fact]
    is_keeping = rule.otherwise is None and not any(rule.targets.values())
    return "stays where it is" if is_keeping else ""


def _fixed_reason(reason: Reason) -> str:
    """Return a reason that names no fact of the record, "" for any other."""
    return (
        "" if any(name for _, name in reason.parts) else "".join(text for text, _ in reason.parts)
    )


def _or(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"
