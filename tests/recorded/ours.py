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
from connector.sandbox.portal import Portal
from tests.recorded.recordings import Folder

TABLE: Final = Path(__file__).with_name("situations.yaml")
_LINKED: Final = datetime(2026, 6, 12, 12, tzinfo=UTC)
_STANDS_SINCE: Final = "2026-04-02"
_TOKEN: Final = re.compile(r"\{(\w+ \d+)(?: (\w+))?\}")


@dataclass(frozen=True, order=True, kw_only=True)
class Fix:
    """One correction, as the plan tells it."""

    record: str
    property_name: str
    before: str
    after: str
    direction: str
    rule: str
    reason: str
    evidence: tuple[str, ...] = ()


class Author:
    """Writes our part into a portal of recorded records, and knows what has to follow."""

    def __init__(self, folder: Folder, portal: Portal) -> None:
        table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
        self._folder = folder
        self._portal = portal
        self._lists = {name: words.split() for name, words in table["lists"].items()}
        self.situations: list[Mapping[str, Any]] = table["situations"]
        self.others: Mapping[str, Any] = table["others"]

    def write(self) -> None:
        """Add every link and change of ours."""
        verbs: Mapping[str, Callable[..., None]] = {
            "stands": self._stands,
            "converts": self._converts,
            "moves": self._moves,
            "links": self._links,
            "links without primary": self._links_without_primary,
            "unlinks": self._unlinks,
            "archives": self._archives,
            "merges": self._merges,
        }
        for step in (one for situation in self.situations for one in situation["ours"]):
            ((verb, words),) = step.items()
            verbs[verb](*words.split(" · "))

    def fixes(self) -> list[Fix]:
        """Return every correction that has to be made, in the order of their records."""
        told = [fix for situation in self.situations for fix in self.fixes_in(situation)]
        return sorted([*told, *self.fixes_of_others()])

    def fixes_in(self, situation: Mapping[str, Any]) -> list[Fix]:
        """Return the corrections of one situation, in the order of their records."""
        return sorted(self._fix(one) for one in situation["fixes"])

    def fixes_of_others(self) -> list[Fix]:
        """Return what has to become of the records without a stage and without a situation."""
        told = {name for situation in self.situations for name in self.records(situation)}
        template = self._fix({**self.others, "fix": f"contact 0 · {self.others['fix']}"})
        blank = [
            f"{kind}/{record.id}"
            for kind in ("contacts", "companies")
            for record in self._portal.records(kind)
            if not record.values.get(STAGE)
        ]
        return [replace(template, record=name) for name in blank if name not in told]

    def records(self, situation: Mapping[str, Any]) -> set[str]:
        """Return the records that a situation tells of."""
        steps = [words for step in situation["ours"] for words in step.values()]
        words = [word for step in steps for word in step.split(" · ")]
        places = [word for word in words if word.split()[0] in self._lists]
        return {self.name(place) for place in places}

    def name(self, place: str) -> str:
        """Return the record in a place, as `contacts/123`."""
        kind, number = self._record(place)
        return f"{kind}/{number}"

    def _fix(self, told: Mapping[str, Any]) -> Fix:
        place, property_name, change, direction, rule = told["fix"].split(" · ")
        before, after = ("" if one == "blank" else one for one in change.split(" → "))
        return Fix(
            record=self.name(place),
            property_name=property_name,
            before=before,
            after=after,
            direction=direction,
            rule=rule,
            reason=self._told(told["why"]),
            evidence=tuple(map(self._told, told.get("evidence", ()))),
        )

    def _told(self, text: str) -> str:
        """Put names and recorded days into a text."""
        return _TOKEN.sub(lambda found: self._name_or_day(*found.groups()), text)

    def _name_or_day(self, place: str, property_name: str | None) -> str:
        if property_name is None:
            return self.name(place)
        at = datetime.fromisoformat(self._row(place)["properties"][property_name])
        return str(at.astimezone(ZoneInfo(self._portal.time_zone)).date())

    def _row(self, place: str) -> Any:
        alias, number = place.split()
        return self._folder.results(self._lists[alias][1])[int(number)]

    def _record(self, place: str) -> tuple[str, str]:
        return self._lists[place.split(maxsplit=1)[0]][0], str(self._row(place)["id"])

    def _set(self, place: str, properties: Mapping[str, str], day: str) -> None:
        at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        self._portal.edit(*self._record(place), properties, at=at, source="IMPORT", user_id=None)

    def _stands(self, place: str, stage: str, status: str = "") -> None:
        self._set(place, {STAGE: stage} | ({STATUS: status} if status else {}), _STANDS_SINCE)

    def _converts(self, place: str, form: str, day: str) -> None:
        conversion = {
            "recent_conversion_event_name": form,
            "recent_conversion_date": f"{day}T12:00:00Z",
            "num_conversion_events": "1",
        }
        self._set(place, conversion, day)

    def _moves(self, place: str, *stages: str) -> None:
        for stage, day in map(str.split, stages):
            self._set(place, {"dealstage": stage}, day)

    def _links(self, place: str, *others: str) -> None:
        companies = [one for one in others if self._record(one)[0] == "companies"]
        for one in others:
            self._link(place, one, primary=companies[:1] == [one])

    def _links_without_primary(self, place: str, *others: str) -> None:
        for one in others:
            self._link(place, one, primary=False)

    def _link(self, place: str, other: str, *, primary: bool) -> None:
        ends = (*self._record(place), *self._record(other))
        self._portal.associate(*ends, primary=primary, at=_LINKED)

    def _unlinks(self, place: str, other: str) -> None:
        self._portal.dissociate(*self._record(place), *self._record(other))

    def _archives(self, place: str) -> None:
        self._portal.archive(*self._record(place))

    def _merges(self, place: str, other: str) -> None:
        self._portal.switches.merge_new_id = False  # so that the table can name who is left
        kind, number = self._record(place)
        self._portal.merge(kind, number, self._record(other)[1])
