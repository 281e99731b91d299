"""Read the rules and lead status rows of a policy file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from connector.core.conditions.parser import parse_condition
from connector.core.conditions.tree import Comparison, Condition, DottedName, Literal, Op
from connector.core.conditions.vocabulary import FOLLOWED_FACTS, LEAD_STATUS_FACT
from connector.core.model import ObjectType
from connector.core.policy.read_settings import PolicyWord
from connector.core.policy.rule import BUILT_IN, CLEAR, Reason, Row, Rule, RuleDirection, Target
from connector.core.policy.setting_table import SETTING_SPECS
from connector.core.policy.setting_type import SettingType
from connector.core.problem import Problems, did_you_mean, policy_error
from connector.core.yaml.nodes import Items, Node, Scalar, Section
from connector.core.yaml.values import choice, flag, scalar, section, text

_RULE_KEYS: Final = (
    "name",
    "for",
    "when",
    "stage",
    "lead_status",
    "direction",
    "from_parked",
    "mark",
    "reason",
    "before",
)
_ROW_KEYS: Final = ("name", "when", "lead_status", "reason", "before")
_OBJECT_TYPES: Final = {
    "contacts": frozenset({ObjectType.CONTACTS}),
    "companies": frozenset({ObjectType.COMPANIES}),
    "both": frozenset({ObjectType.CONTACTS, ObjectType.COMPANIES}),
}
_MARK: Final = "$churn.mark"
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BRACES: Final = re.compile(r"\{([^{}]*)\}")


def read_rules(node: Node, *, own: bool) -> tuple[tuple[Rule, ...], tuple[Row, ...]]:
    """Return the rules of a file, and the rows that rules with a lead status make."""
    problems = Problems()
    rules: list[Rule] = []
    rows: list[Row] = []
    for entry in _entries(node, "rules", _RULE_KEYS, problems):
        with problems.collecting():
            rules.extend(_rule(entry, own=own))
            rows.extend(_rows_of_rule(entry, own=own))
    problems.raise_all()
    return tuple(rules), tuple(rows)


def read_rows(node: Node, *, own: bool) -> tuple[Row, ...]:
    """Return the lead status rows of a file."""
    problems = Problems()
    rows: list[Row] = []
    for entry in _entries(node, "lead_status", _ROW_KEYS, problems):
        with problems.collecting():
            rows.append(_row(entry, _condition(entry), own=own))
    problems.raise_all()
    return tuple(rows)


def _entries(
    node: Node, description: str, keys: Sequence[str], problems: Problems
) -> tuple[Section, ...]:
    """Return the entries of a list with a name of their own; collect what is wrong in others."""
    if not isinstance(node, Items):
        raise policy_error(
            node.place, f"{description} is a list: begin each entry with `- name: …`"
        )
    entries: dict[str, Section] = {}
    for item in node.items:
        with problems.collecting():
            entry = section(item, f"an entry of {description}", known=keys)
            name = _name(entry)
            if name in entries:
                line = entries[name].place.line
                raise policy_error(
                    entry.place, f"the name {name!r} stands twice, first on line {line}"
                )
            entries[name] = entry
    return tuple(entries.values())


def _required(entry: Section, key: str) -> Node:
    node = entry.get(key)
    if node is None:
        raise policy_error(entry.place, f"this entry has no {key!r}")
    return node


def _name(entry: Section) -> str:
    node = _required(entry, "name")
    name = text(node, "name")
    if not _NAME.fullmatch(name):
        raise policy_error(
            node.place, f"a name has small letters, digits and hyphens, this is {name!r}"
        )
    if name in BUILT_IN:
        raise policy_error(node.place, f"{name!r} is built in: choose another name")
    return name


def _before(entry: Section) -> str:
    node = entry.get("before")
    return text(node, "before") if node else ""


def _condition(entry: Section) -> Condition:
    return parse_condition(scalar(_required(entry, "when"), "when"))


def _rule(entry: Section, *, own: bool) -> Iterator[Rule]:
    """Yield the rule for the stage, if the entry names one."""
    name = _name(entry)
    if entry.get("stage") is None:
        return
    applies_to = choice(
        entry.get("for") or Scalar("contacts", entry.place), "for", tuple(_OBJECT_TYPES)
    )
    direction = choice(
        entry.get("direction") or Scalar("forward", entry.place), "direction", tuple(RuleDirection)
    )
    from_parked, mark = entry.get("from_parked"), entry.get("mark")
    yield Rule(
        name=name,
        object_types=_OBJECT_TYPES[applies_to],
        when=_condition(entry),
        stage=_target(_required(entry, "stage"), "stage", own=own),
        direction=RuleDirection(direction),
        from_parked=flag(from_parked, "from_parked") if from_parked else False,
        reason=_reason(entry),
        place=entry.place,
        own=own,
        before=_before(entry),
        marks_former_customer=bool(mark and choice(mark, "mark", (_MARK,))),
    )


def _rows_of_rule(entry: Section, *, own: bool) -> Iterator[Row]:
    """Yield the row that a rule's lead status makes: it holds while the rule wins."""
    if entry.get("lead_status") is None:
        if entry.get("stage") is None:
            raise policy_error(entry.place, "this rule has neither a `stage` nor a `lead_status`")
        return
    for_ = entry.get("for")
    if for_ and text(for_, "for") == "companies":
        raise policy_error(for_.place, "a company's lead status is left alone: say `for: contacts`")
    if entry.get("stage") is None:
        _refuse_stage_keys(entry)
        yield _row(entry, _condition(entry), own=own)
        return
    name = _name(entry)
    comparison = Comparison(Op.IN, Literal(name, 0), DottedName("rules", 0), f"rule {name} wins", 0)
    name_node = _required(entry, "name")
    condition = Condition(comparison.text, comparison, lambda _: name_node.place)
    yield replace(_row(entry, condition, own=own), before="")


def _refuse_stage_keys(entry: Section) -> None:
    for key in ("direction", "from_parked", "mark"):
        node = entry.get(key)
        if node:
            raise policy_error(
                node.place, f"{key!r} is for rules with a `stage`; this one has none"
            )


def _row(entry: Section, when: Condition, *, own: bool) -> Row:
    return Row(
        name=_name(entry),
        when=when,
        lead_status=_target(_required(entry, "lead_status"), "lead_status", own=own),
        reason=_reason(entry),
        place=entry.place,
        own=own,
        before=_before(entry),
    )


def _target(node: Node, field_name: str, *, own: bool) -> Target:
    if not isinstance(node, Section):
        return Target(otherwise=_word(node, field_name, own=own))
    by = node.get("by")
    otherwise = node.get("otherwise")
    branches = tuple(
        (
            PolicyWord(key.text.strip(), key.place, own),
            _word(value, f"{field_name}.{key.text}", own=own),
        )
        for key, value in node.entries.values()
        if key.text not in {"by", "otherwise"}
    )
    return Target(
        by=_by(by) if by else "stage",
        branches=branches,
        otherwise=_word(otherwise, f"{field_name}.otherwise", own=own) if otherwise else None,
    )


def _by(node: Node) -> str:
    choices = [
        "stage",
        "type",
        *(name for name, spec in SETTING_SPECS.items() if spec.type is SettingType.CHOICE),
    ]
    return choice(node, "by", choices)


def _word(node: Node, field_name: str, *, own: bool) -> PolicyWord:
    value = text(node, field_name)
    name = value.removeprefix("$")
    setting_type = SettingType.STAGE if field_name.startswith("stage") else SettingType.STATUS
    setting_names = [spec.name for spec in SETTING_SPECS.values() if spec.type is setting_type]
    setting_names += FOLLOWED_FACTS if setting_type is SettingType.STAGE else (LEAD_STATUS_FACT,)
    if value.startswith("$") and name not in setting_names:
        raise policy_error(
            node.place,
            f"no setting {name!r} holds a {setting_type}{did_you_mean(name, setting_names)}",
        )
    if value == CLEAR and setting_type is SettingType.STAGE:
        raise policy_error(node.place, "a rule never clears a stage: write `keep`, or a stage")
    return PolicyWord(value, node.place, own)


def _reason(entry: Section) -> Reason:
    node = _required(entry, "reason")
    parts = _BRACES.split(text(node, "reason"))
    names = [*(name.strip() for name in parts[1::2]), ""]
    return Reason(tuple(zip(parts[::2], names, strict=True)), node.place)
