"""Reads the rules and lead status rows of a policy file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from connector.core.condition_tree import Comparison, Condition, Literal, Named, Op
from connector.core.conditions import parse
from connector.core.mark import Problems, nearest, wrong
from connector.core.model import ObjectType
from connector.core.policy_form import BUILT_IN, CLEAR, Reason, Row, Rule, Target, Way
from connector.core.policy_settings import Word
from connector.core.setting_specs import SPECS, Form
from connector.core.vocabulary import FOLLOWED
from connector.core.yamlfile import Items, Node, Scalar, Section
from connector.core.yamlshape import choice, flag, scalar, section, text

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
_KINDS: Final = {
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
    problems.tell()
    return tuple(rules), tuple(rows)


def read_rows(node: Node, *, own: bool) -> tuple[Row, ...]:
    """Return the lead status rows of a file."""
    problems = Problems()
    rows: list[Row] = []
    for entry in _entries(node, "lead_status", _ROW_KEYS, problems):
        with problems.collecting():
            rows.append(_row(entry, _condition(entry), own=own))
    problems.tell()
    return tuple(rows)


def _entries(node: Node, what: str, keys: Sequence[str], problems: Problems) -> tuple[Section, ...]:
    """Return the entries of a list that have a name of their own, noting the others."""
    if not isinstance(node, Items):
        raise wrong(node.mark, f"{what} is a list: begin each entry with `- name: …`")
    found: dict[str, Section] = {}
    for one in node.items:
        with problems.collecting():
            entry = section(one, f"an entry of {what}", known=keys)
            name = _name(entry)
            if name in found:
                line = found[name].mark.line
                raise wrong(entry.mark, f"the name {name!r} stands twice, first on line {line}")
            found[name] = entry
    return tuple(found.values())


def _need(entry: Section, key: str) -> Node:
    node = entry.get(key)
    if node is None:
        raise wrong(entry.mark, f"this entry has no {key!r}")
    return node


def _name(entry: Section) -> str:
    node = _need(entry, "name")
    name = text(node, "name")
    if not _NAME.fullmatch(name):
        raise wrong(node.mark, f"a name has small letters, digits and hyphens, this is {name!r}")
    if name in BUILT_IN:
        raise wrong(node.mark, f"{name!r} is built in: choose another name")
    return name


def _before(entry: Section) -> str:
    node = entry.get("before")
    return text(node, "before") if node else ""


def _condition(entry: Section) -> Condition:
    return parse(scalar(_need(entry, "when"), "when"))


def _rule(entry: Section, *, own: bool) -> Iterator[Rule]:
    """Yield the rule for the stage, if the entry names one."""
    name = _name(entry)
    if entry.get("stage") is None:
        return
    kinds = choice(entry.get("for") or Scalar("contacts", entry.mark), "for", tuple(_KINDS))
    way = choice(entry.get("direction") or Scalar("forward", entry.mark), "direction", tuple(Way))
    parked, mark = entry.get("from_parked"), entry.get("mark")
    yield Rule(
        name=name,
        kinds=_KINDS[kinds],
        when=_condition(entry),
        stage=_target(_need(entry, "stage"), "stage", own=own),
        way=Way(way),
        from_parked=flag(parked, "from_parked") if parked else False,
        reason=_reason(entry),
        mark=entry.mark,
        own=own,
        before=_before(entry),
        marks=bool(mark and choice(mark, "mark", (_MARK,))),
    )


def _rows_of_rule(entry: Section, *, own: bool) -> Iterator[Row]:
    """Yield the row that a rule's lead status makes: it holds while the rule wins."""
    if entry.get("lead_status") is None:
        if entry.get("stage") is None:
            raise wrong(entry.mark, "this rule has neither a `stage` nor a `lead_status`")
        return
    for_ = entry.get("for")
    if for_ and text(for_, "for") == "companies":
        raise wrong(for_.mark, "a company's lead status is left alone: say `for: contacts`")
    if entry.get("stage") is None:
        _refuse_stage_keys(entry)
        yield _row(entry, _condition(entry), own=own)
        return
    name = _name(entry)
    asked = Comparison(Op.IN, Literal(name, 0), Named("rules", 0), f"rule {name} wins", 0)
    at = _need(entry, "name")
    wins = Condition(asked.text, asked, lambda _: at.mark)
    yield replace(_row(entry, wins, own=own), before="")


def _refuse_stage_keys(entry: Section) -> None:
    for key in ("direction", "from_parked", "mark"):
        node = entry.get(key)
        if node:
            raise wrong(node.mark, f"{key!r} is for rules with a `stage`; this one has none")


def _row(entry: Section, when: Condition, *, own: bool) -> Row:
    return Row(
        name=_name(entry),
        when=when,
        lead_status=_target(_need(entry, "lead_status"), "lead_status", own=own),
        reason=_reason(entry),
        mark=entry.mark,
        own=own,
        before=_before(entry),
    )


def _target(node: Node, what: str, *, own: bool) -> Target:
    if not isinstance(node, Section):
        return Target(otherwise=_word(node, what, own=own))
    by = node.get("by")
    otherwise = node.get("otherwise")
    branches = tuple(
        (Word(key.text.strip(), key.mark, own), _word(value, f"{what}.{key.text}", own=own))
        for key, value in node.entries.values()
        if key.text not in {"by", "otherwise"}
    )
    return Target(
        by=_by(by) if by else "stage",
        branches=branches,
        otherwise=_word(otherwise, f"{what}.otherwise", own=own) if otherwise else None,
    )


def _by(node: Node) -> str:
    choices = ["stage", *(name for name, spec in SPECS.items() if spec.form is Form.CHOICE)]
    return choice(node, "by", choices)


def _word(node: Node, what: str, *, own: bool) -> Word:
    found = text(node, what)
    name = found.removeprefix("$")
    form = Form.STAGE if what.startswith("stage") else Form.STATUS
    fitting = [one.name for one in SPECS.values() if one.form is form]
    fitting += FOLLOWED if form is Form.STAGE else ()
    if found.startswith("$") and name not in fitting:
        raise wrong(node.mark, f"no setting {name!r} holds a {form}{nearest(name, fitting)}")
    if found == CLEAR and form is Form.STAGE:
        raise wrong(node.mark, "a rule never clears a stage: write `keep`, or a stage")
    return Word(found, node.mark, own)


def _reason(entry: Section) -> Reason:
    node = _need(entry, "reason")
    pieces = _BRACES.split(text(node, "reason"))
    names = [*(one.strip() for one in pieces[1::2]), ""]
    return Reason(tuple(zip(pieces[::2], names, strict=True)), node.mark)
