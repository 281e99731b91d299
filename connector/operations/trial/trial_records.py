"""Create, write, read and link the marked records of a trial, and know them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from connector.core.model import STAGE, ObjectType, Portal, Ref
from connector.errors import PermanentError, TemporaryError, UserError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.error_body import parse_error_body
from connector.hubspot.http.failures import BadAnswer, LimitReached, Locked, Migrating, NotSent
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Route

MARK: Final = "zz-connector-trial"
"""Every record of a trial has a name that begins with this; nobody's own name does."""
DOMAIN: Final = "connector-trial.example.com"
"""Its e-mail domain. Names below example.com belong to nobody (RFC 2606)."""
NAME_PROPERTY: Final[Mapping[ObjectType, str]] = {
    ObjectType.CONTACTS: "lastname",
    ObjectType.COMPANIES: "name",
    ObjectType.DEALS: "dealname",
}
MOMENT: Final = 1.1
"""Seconds between two writes whose modification dates are compared."""
AUTOMATION_WAITS: Final = (2.0, 4.0, 8.0, 16.0)
"""Seconds after which HubSpot's own automations are looked for again."""
# https://developers.hubspot.com/docs/api-reference/latest/crm/associations/associate-records/guide
_LINK_TYPES: Final[Mapping[tuple[ObjectType, ObjectType, bool], tuple[int, ...]]] = {
    (ObjectType.CONTACTS, ObjectType.COMPANIES, True): (1,),
    (ObjectType.CONTACTS, ObjectType.COMPANIES, False): (279,),
    (ObjectType.DEALS, ObjectType.CONTACTS, False): (3,),
    (ObjectType.DEALS, ObjectType.COMPANIES, True): (5,),
}

Row = Mapping[str, Any]


class NotPossible(TemporaryError):
    """A probe cannot be tried here; the message says why."""


# After these HubSpot has made no record; after any other failure it may have.
_NOTHING_MADE: Final = (
    *(NotPossible, NotSent, LimitReached, Locked, Migrating),
    *(UserError, PermanentError),
)


@dataclass(slots=True, kw_only=True)
class TrialRecords:
    """The records of one trial; `token` tells them from those of another one.

    `created` holds every record that HubSpot is known to have made. `is_unsure` says that it may
    have made others, because the answer to a creation or a merge was lost or incomplete.
    `extra_reads` is how many reads after a write may be stale, once that is known.
    """

    client: HubSpotClient
    portal: Portal
    token: str
    wait: Callable[[float], None]
    created: list[Ref] = field(default_factory=list)
    is_unsure: bool = False
    extra_reads: int = 0

    def stages(self, object_type: ObjectType = ObjectType.CONTACTS) -> list[str]:
        """Return the stages in the portal's order, at least three."""
        stages = [option.value for option in self.portal.stages(object_type)]
        if len(stages) < 3:
            raise NotPossible("the portal has fewer than three stages")
        return stages

    def create(self, object_type: ObjectType, *property_sets: Mapping[str, str]) -> list[Ref]:
        """Create marked records in one request; return them in the order that was asked for."""
        names = [f"{MARK}-{self.token}-{len(self.created) + i}" for i in range(len(property_sets))]
        inputs = [
            {"properties": {**_marked(object_type, name), **properties}}
            for name, properties in zip(names, property_sets, strict=True)
        ]
        with self._making():
            rows = succeeded(self.client.ask(Route.CREATE, object_type, body={"inputs": inputs}))
            # HubSpot answers in an order of its own.
            name_property = NAME_PROPERTY[object_type]
            ids = {row["properties"][name_property]: str(row["id"]) for row in rows}
            refs = [Ref(object_type, ids[name]) for name in names if name in ids]
            self.created += refs
            if len(refs) < len(names):
                raise BadAnswer(f"HubSpot names {len(refs)} of {len(names)} created records")
        return refs

    def update(self, changes: Iterable[tuple[Ref, Mapping[str, str | None]]]) -> Answer:
        """Write records of one type in one request; return the answer, a refusal too."""
        pairs = list(changes)
        inputs = [{"id": ref.id, "properties": dict(values)} for ref, values in pairs]
        return self.client.ask(Route.BATCH_UPDATE, pairs[0][0].object_type, body={"inputs": inputs})

    def read_once(
        self, refs: Sequence[Ref], names: Sequence[str] = (), history: Sequence[str] = ()
    ) -> Answer:
        """Read records of one type once; return the answer as it came."""
        body = {
            "inputs": [{"id": ref.id} for ref in refs],
            "properties": list(names) or ["hs_object_id"],
            "propertiesWithHistory": list(history),
        }
        return self.client.ask(Route.BATCH_READ, refs[0].object_type, body=body)

    def read(self, ref: Ref, names: Sequence[str] = (), history: Sequence[str] = ()) -> Row:
        """Read one record, as often as stale answers make it needed."""
        for _ in range(self.extra_reads):
            self.read_once([ref], names, history)
        rows = succeeded(self.read_once([ref], names, history))
        if not rows:
            raise NotPossible(f"{ref} is not answered any more")
        return rows[0]

    def value(self, ref: Ref, name: str = STAGE) -> str:
        """Read one value, "" for blank."""
        return str(self.read(ref, [name])["properties"].get(name) or "")

    def modified(self, ref: Ref) -> str:
        """Read when a record was last modified, and let time pass before it may be again."""
        text = str(self.read(ref)["updatedAt"])
        self.wait(MOMENT)
        return text

    def link(self, source: Ref, target: Ref, *, primary: bool = False) -> None:
        """Link two records."""
        types = [
            {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
            for type_id in _LINK_TYPES[source.object_type, target.object_type, primary]
        ]
        item = {"from": {"id": source.id}, "to": {"id": target.id}, "types": types}
        answer = self.client.ask(
            Route.ASSOCIATE, source.object_type, target.object_type, body={"inputs": [item]}
        )
        succeeded(answer)

    def merge(self, primary: Ref, secondary: Ref) -> Ref:
        """Merge two contacts; return the survivor."""
        body = {"primaryObjectId": primary.id, "objectIdToMerge": secondary.id}
        with self._making():
            answer = self.client.ask(Route.MERGE, primary.object_type, body=body)
            require_success(answer)
            survivor = Ref(primary.object_type, str(answer.document()["id"]))
            self.created.append(survivor)
        return survivor

    def archive(self, ref: Ref) -> None:
        """Archive one record."""
        body = {"inputs": [{"id": ref.id}]}
        require_success(self.client.ask(Route.ARCHIVE, ref.object_type, body=body))

    def value_after_automations(self, ref: Ref, before: str) -> str:
        """Read a stage until it differs from `before`, for half a minute at most."""
        for seconds in AUTOMATION_WAITS:
            self.wait(seconds)
            stage = self.value(ref)
            if stage != before:
                return stage
        return before

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Stay unsure of what HubSpot made where its answer was not read to the end."""
        was_unsure, self.is_unsure = self.is_unsure, True
        try:
            yield
        except _NOTHING_MADE:
            self.is_unsure = was_unsure
            raise
        self.is_unsure = was_unsure


def is_of_trial(object_type: ObjectType, properties: Mapping[str, str | None]) -> bool:
    """Return whether a record belongs to a trial, by its name or by the domain of its company.

    HubSpot may create the company of an e-mail domain by itself.
    """
    name = properties.get(NAME_PROPERTY[object_type]) or ""
    is_domain = object_type is ObjectType.COMPANIES and properties.get("domain") == DOMAIN
    return name.startswith(MARK) or is_domain


def succeeded(answer: Answer) -> list[dict[str, Any]]:
    """Return the rows of an answer; raise NotPossible where the request was refused."""
    require_success(answer)
    rows: Any = answer.document().get("results")
    return list(rows or ())


def require_success(answer: Answer) -> None:
    """Raise NotPossible where the request was refused, without HubSpot's message.

    The message may hold values of records, and the result of a trial is sent to others.
    """
    if answer.status >= 300:
        category = parse_error_body(answer).category
        named_category = f", {category}" if category else ""
        raise NotPossible(f"HubSpot refused it ({answer.status}{named_category})")


def _marked(object_type: ObjectType, name: str) -> dict[str, str]:
    properties = {NAME_PROPERTY[object_type]: name}
    if object_type is ObjectType.CONTACTS:
        properties["email"] = f"{name}@{DOMAIN}"
    return properties
