"""Runs a policy's cases: given facts, and the stage, lead status and rules expected of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from connector.core.binding import bind
from connector.core.bound import BoundPolicy
from connector.core.case_portal import case_portal
from connector.core.case_records import GIVEN, case_facts, internal
from connector.core.facts import Facts
from connector.core.mark import Mark, PolicyError, Problem, Problems
from connector.core.model import STAGE, STATUS, Correction, Portal
from connector.core.policy import Policy, overlaid
from connector.core.policy_settings import read_settings
from connector.core.rules import Decision, decide
from connector.core.yamlfile import Node, Scalar, Section, read
from connector.core.yamlshape import items, scalar, section, text

_FILE: Final = ("policy", "settings", "portal", "cases")
_CASE: Final = ("name", "settings", "portal", "given", "expect", "steps")
_STEP: Final = ("given", "expect")
_EXPECT: Final = ("stage", "status", "rule", "status_rule", "mark")


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
    """Return how each case of a file ends with this policy; raise PolicyError if it is unsound."""
    return tuple(each_case(content, source=source, policy=policy))


def each_case(content: str, *, source: str, policy: Policy) -> Iterator[Result]:
    """Yield how each case ends; raise PolicyError after the last if some are unsound.

    A case with `steps` hands the stage and lead status that result on to its next step.
    """
    root = _root(content, source)
    problems = Problems()
    ground = _Ground(root, policy)
    for node in items(root.get("cases") or root, "cases"):
        results: list[Result] = []
        with problems.collecting():
            results.extend(_run(section(node, "a case", known=_CASE), ground))
        yield from results
    problems.tell()


def ground_portal(content: str, *, source: str) -> Portal:
    """Return the portal that a cases file describes."""
    return case_portal(_root(content, source).get("portal"))


def given_facts(content: str, *, source: str, policy: Policy) -> tuple[BoundPolicy, Portal, Facts]:
    """Return the facts of a file with one case, and the policy in the portal that it describes.

    The file is a case without a name: `given`, and if need be `settings` and `portal`.
    """
    root = section(read(content, source=source), "a facts file", known=_FACTS)
    bound, portal = _Ground(root, policy).bound(root)
    return bound, portal, case_facts(bound, portal, _entries(root, "given", GIVEN))


_FACTS: Final = ("policy", "settings", "portal", "given")


@lru_cache(maxsize=8)
def _root(content: str, source: str) -> Section:
    """Return a cases file as nodes; one file is run once for each rule that is taken out."""
    return section(read(content, source=source), "a cases file", known=_FILE)


@dataclass(slots=True)
class _Ground:
    """What all cases of a file share; most need the policy bound just once."""

    root: Section
    policy: Policy
    common: tuple[BoundPolicy, Portal] | None = None

    def bound(self, case: Section) -> tuple[BoundPolicy, Portal]:
        """Return the policy in the portal of a case."""
        if (case.get("settings") is None and case.get("portal") is None) or case is self.root:
            self.common = self.common or self._bound(self.root, self.root)
            return self.common
        return self._bound(self.root, case)

    def _bound(self, root: Section, case: Section) -> tuple[BoundPolicy, Portal]:
        policy = self.policy
        for node in (each.get("settings") for each in _each_once(root, case)):
            policy = overlaid(policy, read_settings(node, own=True)) if node else policy
        portal = case_portal(*(each.get("portal") for each in _each_once(root, case)))
        try:
            return bind(policy, portal), portal
        except PolicyError as error:
            raise PolicyError(tuple(map(_explained, error.problems))) from error


def _explained(problem: Problem) -> Problem:
    """Return what is wrong, with where to write down a property that the real portal has."""
    if "has no property" not in problem.message:
        return problem
    return replace(problem, message=f"{problem.message}{_ELSEWHERE}")


_ELSEWHERE: Final = (
    "; these cases are in a portal of their own: name there what yours has beyond HubSpot's "
    "defaults, as in `portal: {deals: {contract_years: number}}`"
)


def _each_once(root: Section, case: Section) -> tuple[Section, ...]:
    return (root,) if case is root else (root, case)


def _run(case: Section, ground: _Ground) -> Iterator[Result]:
    name = text(case.get("name") or case, "name")
    bound, portal = ground.bound(case)
    steps = case.get("steps")
    given: dict[str, Node] = {}
    for node in items(steps, "steps") if steps else (case,):
        step = section(node, "a step", known=_STEP if steps else ())
        given |= _entries(step, "given", GIVEN)
        decision = decide(bound, case_facts(bound, portal, given))
        given |= {"stage": Scalar(decision.stage, step.mark)}
        given |= {"status": Scalar(decision.status, step.mark)}
        expected = _entries(step, "expect", _EXPECT)
        yield Result(
            name=name,
            mark=step.mark,
            decision=decision,
            differences=tuple(_differences(bound, decision, expected)),
        )


def _entries(step: Section, key: str, known: tuple[str, ...]) -> dict[str, Node]:
    entries = section(step.get(key) or step, key, known=known).entries
    return {name: value for name, (_, value) in entries.items()}


def _differences(
    policy: BoundPolicy, decision: Decision, expected: Mapping[str, Node]
) -> Iterator[Difference]:
    rows = (one.rule for one in decision.corrections if one.property_name == STATUS)
    found = {
        "stage": decision.stage,
        "status": decision.status,
        "rule": decision.rule,
        "status_rule": next(rows, ""),
        "mark": next((one.after for one in decision.corrections if _is_mark(one)), ""),
    }
    side = policy.sides[decision.record.object_type]
    labels = {"stage": side.labels, "status": side.status_labels}
    for what, node in expected.items():
        wanted = internal(scalar(node, what).text, labels.get(what, {}))
        if wanted != found[what]:
            said = [_labelled(one, labels.get(what, {})) for one in (wanted, found[what])]
            yield Difference(what=what, expected=said[0], found=said[1])


def _labelled(value: str, labels: Mapping[str, str]) -> str:
    """Return a value with its label, where the value does not say as much itself."""
    label = labels.get(value, value)
    known = label.replace(" ", "").casefold() == value.replace("_", "").casefold()
    return value if known else f"{label} ({value})"


def _is_mark(correction: Correction) -> bool:
    return correction.property_name not in {STAGE, STATUS}
