"""Run a policy's cases: given facts, with the stage, lead status and rules expected of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from connector.core.binding.bind import bind
from connector.core.binding.bound_policy import BoundPolicy
from connector.core.decide.decision import Decision, decide
from connector.core.decide.facts import Facts
from connector.core.lint.case_inputs import GIVEN_KEYS, case_facts, internal_value
from connector.core.lint.case_portal import case_portal
from connector.core.model import STAGE, STATUS, Correction, Portal
from connector.core.policy.load import Policy, with_settings
from connector.core.policy.read_settings import read_settings
from connector.core.problem import Place, PolicyError, Problem, Problems
from connector.core.yaml.nodes import Node, Scalar, Section, read_yaml
from connector.core.yaml.values import items, scalar, section, text

_FILE_KEYS: Final = ("policy", "settings", "portal", "cases")
_CASE_KEYS: Final = ("name", "settings", "portal", "given", "expect", "steps")
_STEP_KEYS: Final = ("given", "expect")
_EXPECT_KEYS: Final = ("stage", "status", "rule", "status_rule", "mark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A value that a case expected of a decision, and the value that was decided."""

    key: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The result of one case, or of one step; it passed where there is no difference."""

    name: str
    place: Place
    decision: Decision
    differences: tuple[Difference, ...]


def case_results(content: str, *, source: str, policy: Policy) -> Iterator[CaseResult]:
    """Yield how each case ends; raise PolicyError after the last if some are unsound.

    A case with `steps` hands the stage and lead status that result on to its next step; a lead
    status that was corrected is the connector's there.
    """
    root = _read_cases(content, source)
    problems = Problems()
    case_binder = _CaseBinder(root, policy)
    for node in items(root.get("cases") or root, "cases"):
        results: list[CaseResult] = []
        with problems.collecting():
            results.extend(_run_case(section(node, "a case", known=_CASE_KEYS), case_binder))
        yield from results
    problems.raise_all()


def cases_portal(content: str, *, source: str) -> Portal:
    """Return the portal that a cases file describes."""
    return case_portal(_read_cases(content, source).get("portal"))


def read_facts_file(
    content: str, *, source: str, policy: Policy
) -> tuple[BoundPolicy, Portal, Facts]:
    """Return the facts of a file with one case, and the policy in the portal that it describes.

    The file is a case without a name: `given`, and if need be `settings` and `portal`.
    """
    root = section(read_yaml(content, source=source), "a facts file", known=_FACTS_KEYS)
    bound_policy, portal = _CaseBinder(root, policy).bind_case(root)
    return (
        bound_policy,
        portal,
        case_facts(bound_policy, portal, _entries(root, "given", GIVEN_KEYS)),
    )


_FACTS_KEYS: Final = ("policy", "settings", "portal", "given")


@lru_cache(maxsize=8)
def _read_cases(content: str, source: str) -> Section:
    """Return a cases file as nodes; one file is run once for each rule that is taken out."""
    return section(read_yaml(content, source=source), "a cases file", known=_FILE_KEYS)


@dataclass(slots=True)
class _CaseBinder:
    """What all cases of a file share; most need the policy bound just once."""

    root: Section
    policy: Policy
    shared: tuple[BoundPolicy, Portal] | None = None

    def bind_case(self, case: Section) -> tuple[BoundPolicy, Portal]:
        """Return the policy in the portal of a case."""
        if (case.get("settings") is None and case.get("portal") is None) or case is self.root:
            self.shared = self.shared or self._bind(self.root, self.root)
            return self.shared
        return self._bind(self.root, case)

    def _bind(self, root: Section, case: Section) -> tuple[BoundPolicy, Portal]:
        policy = self.policy
        for node in (part.get("settings") for part in _distinct_sections(root, case)):
            policy = with_settings(policy, read_settings(node, own=True)) if node else policy
        portal = case_portal(*(part.get("portal") for part in _distinct_sections(root, case)))
        try:
            return bind(policy, portal), portal
        except PolicyError as error:
            raise PolicyError(tuple(map(_with_portal_hint, error.problems))) from error


def _with_portal_hint(problem: Problem) -> Problem:
    """Return what is wrong, with where to write down a property that the real portal has."""
    if "has no property" not in problem.message:
        return problem
    return replace(problem, message=f"{problem.message}{_PORTAL_HINT}")


_PORTAL_HINT: Final = (
    "; these cases are in a portal of their own: name there what yours has beyond HubSpot's "
    "defaults, as in `portal: {deals: {contract_years: number}}`"
)


def _distinct_sections(root: Section, case: Section) -> tuple[Section, ...]:
    return (root,) if case is root else (root, case)


def _run_case(case: Section, case_binder: _CaseBinder) -> Iterator[CaseResult]:
    name = text(case.get("name") or case, "name")
    bound_policy, portal = case_binder.bind_case(case)
    steps = case.get("steps")
    given: dict[str, Node] = {}
    for node in items(steps, "steps") if steps else (case,):
        step = section(node, "a step", known=_STEP_KEYS if steps else ())
        step_given = _entries(step, "given", GIVEN_KEYS)
        if "status" in step_given:  # somebody else set it: who and when is said anew, or unknown
            given = {key: node for key, node in given.items() if not key.startswith("status_")}
        given |= step_given
        decision = decide(bound_policy, case_facts(bound_policy, portal, given))
        given |= {"stage": Scalar(decision.stage, step.place)}
        if any(correction.property_name == STATUS for correction in decision.corrections):
            given |= {"status_by": Scalar("connector", step.place)}
        given |= {"status": Scalar(decision.status, step.place)}
        expected = _entries(step, "expect", _EXPECT_KEYS)
        yield CaseResult(
            name=name,
            place=step.place,
            decision=decision,
            differences=tuple(_differences(bound_policy, decision, expected)),
        )


def _entries(step: Section, key: str, known: tuple[str, ...]) -> dict[str, Node]:
    entries = section(step.get(key) or step, key, known=known).entries
    return {name: value for name, (_, value) in entries.items()}


def _differences(
    policy: BoundPolicy, decision: Decision, expected: Mapping[str, Node]
) -> Iterator[Difference]:
    status_rules = (
        correction.rule for correction in decision.corrections if correction.property_name == STATUS
    )
    actual = {
        "stage": decision.stage,
        "status": decision.status,
        "rule": decision.rule,
        "status_rule": next(status_rules, ""),
        "mark": next(
            (correction.after for correction in decision.corrections if _is_mark(correction)), ""
        ),
    }
    object_policy = policy.object_policies[decision.record.object_type]
    labels = {"stage": object_policy.labels, "status": object_policy.status_labels}
    for key, node in expected.items():
        expected_value = internal_value(scalar(node, key).text, labels.get(key, {}))
        if expected_value != actual[key]:
            texts = [
                _value_with_label(value, labels.get(key, {}))
                for value in (expected_value, actual[key])
            ]
            yield Difference(key=key, expected=texts[0], actual=texts[1])


def _value_with_label(value: str, labels: Mapping[str, str]) -> str:
    """Return a value with its label, where the value does not say as much itself."""
    label = labels.get(value, value)
    same_words = label.replace(" ", "").casefold() == value.replace("_", "").casefold()
    return value if same_words else f"{label} ({value})"


def _is_mark(correction: Correction) -> bool:
    return correction.property_name not in {STAGE, STATUS}
