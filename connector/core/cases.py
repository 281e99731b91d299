"""Runs a policy's cases: given facts, and the stage, lead status and rules expected of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from connector.core.binding import bind
from connector.core.bound import BoundPolicy
from connector.core.case_portal import case_portal
from connector.core.case_records import GIVEN, case_facts
from connector.core.mark import Mark, Problems
from connector.core.model import STATUS, Portal
from connector.core.policy import Policy, overlaid
from connector.core.policy_settings import read_settings
from connector.core.rules import Decision, decide
from connector.core.yamlfile import Node, Scalar, Section, read
from connector.core.yamlshape import items, scalar, section, text

_FILE: Final = ("policy", "settings", "portal", "cases")
_CASE: Final = ("name", "settings", "portal", "given", "expect", "steps")
_STEP: Final = ("given", "expect")
_EXPECT: Final = ("stage", "status", "rule", "status_rule")
_Ground: TypeAlias = tuple[Portal, BoundPolicy]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a case expected of a decision, and what was decided."""

    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one case, or one step of a case, ended; it passed where there is no difference."""

    name: str
    mark: Mark
    decision: Decision
    differences: tuple[Difference, ...]


def run_cases(content: str, *, source: str, policy: Policy) -> tuple[Result, ...]:
    """Return how each case of a file ends with this policy; raise PolicyError if it is unsound.

    A case with `steps` hands the stage and lead status that result on to its next step.
    """
    root = section(read(content, source=source), "a cases file", known=_FILE)
    ground = _ground(policy, root)
    problems = Problems()
    results: list[Result] = []
    for node in items(root.get("cases") or root, "cases"):
        with problems.collecting():
            results.extend(_run(section(node, "a case", known=_CASE), root, ground))
    problems.tell()
    return tuple(results)


def _ground(policy: Policy, said: Section, *, below: Section | None = None) -> _Ground:
    """Return the portal that a file or case describes, and the policy as it is there."""
    node = said.get("settings")
    policy = overlaid(policy, read_settings(node, own=True)) if node else policy
    portal = case_portal(below.get("portal") if below else None, said.get("portal"))
    return portal, bind(policy, portal)


def _run(case: Section, root: Section, ground: _Ground) -> Iterator[Result]:
    name = text(case.get("name") or case, "name")
    portal, bound = ground
    if case.get("settings") or case.get("portal"):
        portal, bound = _ground(bound.policy, case, below=root)
    steps = case.get("steps")
    given: dict[str, Node] = {}
    for node in items(steps, "steps") if steps else (case,):
        step = section(node, "a step", known=_STEP if steps else ())
        given |= _entries(step, "given", GIVEN)
        decision = decide(bound, case_facts(bound, portal, given))
        given |= {"stage": Scalar(decision.stage, step.mark)}
        given |= {"status": Scalar(decision.status, step.mark)}
        yield Result(
            name=name,
            mark=step.mark,
            decision=decision,
            differences=tuple(_differences(decision, _entries(step, "expect", _EXPECT))),
        )


def _entries(step: Section, key: str, known: tuple[str, ...]) -> dict[str, Node]:
    entries = section(step.get(key) or step, key, known=known).entries
    return {name: value for name, (_, value) in entries.items()}


def _differences(decision: Decision, expected: Mapping[str, Node]) -> Iterator[Difference]:
    rows = (one.rule for one in decision.corrections if one.property_name == STATUS)
    found = {
        "stage": decision.stage,
        "status": decision.status,
        "rule": decision.rule,
        "status_rule": next(rows, ""),
    }
    for what, node in expected.items():
        wanted = scalar(node, what).text
        if wanted != found[what]:
            yield Difference(what=what, expected=wanted, found=found[what])
