"""Add our links and changes to the portal of recorded records, as `situations.yaml` has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml

from connector.core.model import STAGE, STATUS
from connector.sandbox.portal.portal import Portal
from tests.recorded.recordings import Recordings

SITUATIONS_FILE: Final = Path(__file__).with_name("situations.yaml")
_LINKED_AT: Final = datetime(2026, 6, 12, 12, tzinfo=UTC)
_STAGE_SET_ON: Final = "2026-04-02"
_TOKEN: Final = re.compile(r"\{(\w+ \d+)(?: (\w+))?\}")


@dataclass(frozen=True, order=True, kw_only=True)
class ExpectedCorrection:
    """One correction, as the plan tells it."""

    record: str
    property_name: str
    before: str
    after: str
    direction: str
    rule: str
    reason: str
    evidence: tuple[str, ...] = ()


class SituationWriter:
    """Writes our part into a portal of recorded records, and knows what has to follow."""

    def __init__(self, recordings: Recordings, portal: Portal) -> None:
        table = yaml.safe_load(SITUATIONS_FILE.read_text(encoding="utf-8"))
        self._recordings = recordings
        self._portal = portal
        self._lists = {name: words.split() for name, words in table["lists"].items()}
        self.situations: list[Mapping[str, Any]] = table["situations"]
        self.unlisted_records: Mapping[str, Any] = table["others"]

    def apply_changes(self) -> None:
        """Add every link and change of ours."""
        methods: Mapping[str, Callable[..., None]] = {
            "stands": self._set_stage,
            "converts": self._convert,
            "moves": self._move_deal,
            "links": self._link_all,
            "links without primary": self._link_without_primary,
            "unlinks": self._unlink,
            "archives": self._archive,
            "merges": self._merge,
        }
        for step in (change for situation in self.situations for change in situation["ours"]):
            ((verb, words),) = step.items()
            methods[verb](*words.split(" · "))

    def expected_corrections(self) -> list[ExpectedCorrection]:
        """Return every correction that has to be made, in the order of their records."""
        corrections = [
            correction
            for situation in self.situations
            for correction in self.corrections_in(situation)
        ]
        return sorted([*corrections, *self.corrections_of_unlisted()])

    def corrections_in(self, situation: Mapping[str, Any]) -> list[ExpectedCorrection]:
        """Return the corrections of one situation, in the order of their records."""
        return sorted(self._parse_correction(row) for row in situation["fixes"])

    def corrections_of_unlisted(self) -> list[ExpectedCorrection]:
        """Return what has to become of the contacts without a stage and without a situation.

        A company without a stage keeps none (`company_default_stage`).
        """
        listed_names = {name for situation in self.situations for name in self.records(situation)}
        template = self._parse_correction(
            {**self.unlisted_records, "fix": f"contact 0 · {self.unlisted_records['fix']}"}
        )
        blank_records = [
            f"contacts/{record.id}"
            for record in self._portal.records("contacts")
            if not record.values.get(STAGE)
        ]
        return [
            replace(template, record=name) for name in blank_records if name not in listed_names
        ]

    def records(self, situation: Mapping[str, Any]) -> set[str]:
        """Return the records that a situation tells of."""
        steps = [words for step in situation["ours"] for words in step.values()]
        words = [word for step in steps for word in step.split(" · ")]
        references = [word for word in words if word.split()[0] in self._lists]
        return {self.record_name(reference) for reference in references}

    def record_name(self, reference: str) -> str:
        """Return the record in a place, as `contacts/123`."""
        object_type, record_id = self._type_and_id(reference)
        return f"{object_type}/{record_id}"

    def _parse_correction(self, row: Mapping[str, Any]) -> ExpectedCorrection:
        reference, property_name, text, direction, rule = row["fix"].split(" · ")
        before, after = ("" if value == "blank" else value for value in text.split(" → "))
        return ExpectedCorrection(
            record=self.record_name(reference),
            property_name=property_name,
            before=before,
            after=after,
            direction=direction,
            rule=rule,
            reason=self._fill_in(row["why"]),
            evidence=tuple(map(self._fill_in, row.get("evidence", ()))),
        )

    def _fill_in(self, text: str) -> str:
        """Put names and recorded days into a text."""
        return _TOKEN.sub(lambda match: self._name_or_day(*match.groups()), text)

    def _name_or_day(self, reference: str, property_name: str | None) -> str:
        if property_name is None:
            return self.record_name(reference)
        at = datetime.fromisoformat(self._row(reference)["properties"][property_name])
        return str(at.astimezone(ZoneInfo(self._portal.time_zone)).date())

    def _row(self, reference: str) -> Any:
        alias, index = reference.split()
        return self._recordings.results(self._lists[alias][1])[int(index)]

    def _type_and_id(self, reference: str) -> tuple[str, str]:
        return self._lists[reference.split(maxsplit=1)[0]][0], str(self._row(reference)["id"])

    def _edit(self, reference: str, properties: Mapping[str, str], day: str) -> None:
        at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        self._portal.edit(
            *self._type_and_id(reference), properties, at=at, source="IMPORT", user_id=None
        )

    def _set_stage(self, reference: str, stage: str, status: str = "") -> None:
        self._edit(reference, {STAGE: stage} | ({STATUS: status} if status else {}), _STAGE_SET_ON)

    def _convert(self, reference: str, form: str, day: str) -> None:
        conversion = {
            "recent_conversion_event_name": form,
            "recent_conversion_date": f"{day}T12:00:00Z",
            "num_conversion_events": "1",
        }
        self._edit(reference, conversion, day)

    def _move_deal(self, reference: str, *stages: str) -> None:
        for stage, day in map(str.split, stages):
            self._edit(reference, {"dealstage": stage}, day)

    def _link_all(self, reference: str, *targets: str) -> None:
        companies = [target for target in targets if self._type_and_id(target)[0] == "companies"]
        for target in targets:
            self._link(reference, target, primary=companies[:1] == [target])

    def _link_without_primary(self, reference: str, *targets: str) -> None:
        for target in targets:
            self._link(reference, target, primary=False)

    def _link(self, reference: str, target: str, *, primary: bool) -> None:
        ends = (*self._type_and_id(reference), *self._type_and_id(target))
        self._portal.associate(*ends, primary=primary, at=_LINKED_AT)

    def _unlink(self, reference: str, target: str) -> None:
        self._portal.dissociate(*self._type_and_id(reference), *self._type_and_id(target))

    def _archive(self, reference: str) -> None:
        self._portal.archive(*self._type_and_id(reference))

    def _merge(self, reference: str, merged: str) -> None:
        self._portal.switches.merge_new_id = False  # so that the table can name who is left
        object_type, record_id = self._type_and_id(reference)
        self._portal.merge(object_type, record_id, self._type_and_id(merged)[1])
