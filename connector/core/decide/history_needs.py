"""Choose the records whose histories of stage and lead status must be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy, ObjectPolicy
from connector.core.conditions.values import Value
from connector.core.decide.decision import find_exemption
from connector.core.decide.edit_values import is_converted_since_status
from connector.core.decide.facts import Facts
from connector.core.decide.rounds import Rounds

_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def needs_edit_history(policy: BoundPolicy, facts: Facts) -> bool:
    """Return whether the histories of stage and lead status could change a record's decision.

    HubSpot gives histories for 50 records at a time, so they are read for few. Those of the stage
    matter where the policy names a fact that comes from them, in this stage. Who set the lead
    status matters where the decision differs with the possible answers.
    """
    object_policy = policy.object_policies[facts.record.object_type]
    # A record that no rule may touch is decided without any history.
    if find_exemption(object_policy, facts):
        return False
    # In this stage a rule names a fact from the history of the stage.
    stages = object_policy.stage_history_stages
    stage = object_policy.aliases.get(facts.stage, facts.stage)
    if not facts.has_stage_history and (stages is None or stage in stages):
        return True
    # The author of the lead status is known, or no rule asks for it.
    if not facts.status or facts.status_version or not object_policy.uses_status_author:
        return False
    if object_policy.uses_status_time:
        return True
    # The author is unknown: read the history only if the decision depends on the author.
    outcomes = {_outcome(object_policy, variant) for variant in (facts, *_possible_authors(facts))}
    return len(outcomes) > 1


def _outcome(object_policy: ObjectPolicy, facts: Facts) -> tuple[str, str]:
    """Return the stage and lead status that a record should have, without reasons and evidence."""
    rounds = Rounds(object_policy, facts, frozenset())
    if find_exemption(object_policy, facts) or not rounds.run():
        return facts.stage, facts.status
    return rounds.resulting_stage, rounds.status


def _possible_authors(facts: Facts) -> Iterator[Facts]:
    """Yield the facts as if a program had set the lead status, and as if a person had long ago."""
    yield _with_author(facts, {"status.by_person": False})
    yield _with_author(facts, {"status.by_person": True, "status.since": _LONG_AGO})


def _with_author(facts: Facts, author: dict[str, Value]) -> Facts:
    values = {**facts.values, **author}
    values["conversion.since_status"] = is_converted_since_status(values)
    return replace(facts, values=values)
