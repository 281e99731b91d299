"""Ask a real portal: each method of the protocol sends as few requests as HubSpot allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from connector.core.follow_up.tasks import Task
from connector.core.model import (
    Account,
    ObjectType,
    Portal,
    Record,
    Ref,
)
from connector.hubspot import associations, owners, portal_definitions, tasks, workflows
from connector.hubspot.api import (
    AssociationsResult,
    Page,
    ReadResult,
    TokenInfo,
    TokenKind,
    UpdateAnswer,
    WorkflowsResult,
)
from connector.hubspot.batches import chunks, object_type_of
from connector.hubspot.codec import portal, records, requests
from connector.hubspot.http.daily_budget import (
    Allowance,
    RateSlots,
    Reserve,
    is_uninterruptible,
)
from connector.hubspot.http.failures import (
    BadAnswer,
    ClocksDisagree,
    NotSent,
    OutcomeUnknown,
    RecordMissing,
    RecordsUnreadable,
    Unavailable,
)
from connector.hubspot.http.requester import Exchange, OnAnswer
from connector.hubspot.http.response import Answer
from connector.hubspot.http.retry import RetryLimits
from connector.hubspot.http.routes import DEFAULT_FAMILY, Request, Route, Routes
from connector.hubspot.http.side_by_side import SideBySide
from connector.hubspot.http.token_refresh import Tokens
from connector.hubspot.http.transport import TokenSource
from connector.hubspot.split_failing_reads import isolate_failing_records

DEFAULT_URL: Final = "https://api.hubapi.com"
READ_LIMIT: Final = 100
HISTORY_LIMIT: Final = 50
UPDATE_LIMIT: Final = 100


class HubSpotClient:
    """A pool of connections to the portal of a token; safe to use from many threads.

    `token` is the token itself, or a function that returns it for each request. `wait` sleeps
    for seconds, `monotonic` is a clock in seconds that never goes back.
    """

    def __init__(
        self,
        token: str | TokenSource,
        url: str = DEFAULT_URL,
        family: str = DEFAULT_FAMILY,
        *,
        wait: Callable[[float], None],
        monotonic: Callable[[], float],
        retry_limits: RetryLimits | None = None,
    ) -> None:
        self._routes = Routes(family)
        self.family = family
        self.enforces_required_properties = self._routes.enforces_rules
        self._token_source: TokenSource = (lambda: token) if isinstance(token, str) else token
        self._exchange = Exchange(
            self._token_source,
            url,
            wait=wait,
            monotonic=monotonic,
            retry_limits=retry_limits or RetryLimits(),
        )
        self._send = self._exchange.send
        self._account_request = Request(route=Route.ACCOUNT, path=self._routes.path(Route.ACCOUNT))
        self._side_by_side = SideBySide()

    def now(self) -> datetime:
        """Return the portal's time; before the first answer, one request asks for it.

        Raise ClocksDisagree where the last answer, and one more, are dated more than a day away
        from the machine's clock: holds, windows and limits would begin and end at wrong times.
        """
        now = self._exchange.now()
        if now is None or self._exchange.clock_deviation() is not None:
            self.account()
            now = self._exchange.now()
        deviation = self._exchange.clock_deviation()
        # Writes that were begun are finished by the time that was right before.
        if deviation is not None and not (now and is_uninterruptible()):
            raise ClocksDisagree(portal_time=deviation[0], machine_time=deviation[1])
        if now is None:
            raise BadAnswer("HubSpot's answers have no date: check HUBSPOT_API_URL")
        return now

    def known_now(self) -> datetime | None:
        """Return the portal's time as the last answers say, None before the first; no request."""
        return self._exchange.now()

    def allowance(self) -> Allowance:
        """Return the request limits that the portal's answers named; no request."""
        return self._exchange.allowance()

    def check_budget(self) -> None:
        """Raise LimitReached where the rest of the day's requests belongs to others; no request."""
        self._exchange.check_budget()

    def configure_limits(self, reserve: Reserve, slots: RateSlots | None = None) -> None:
        """Leave this reserve of the day to other apps; `slots` shares the pace among processes."""
        self._exchange.configure_limits(reserve, slots)

    def require_portal(self, portal_id: str) -> None:
        """Use no token of another portal from now on: WrongPortal is raised in its place.

        One request asks whose a token is that no answer was about yet, now and whenever the
        source of tokens returns another one; where that cannot be found out, NotSent.
        """
        self._exchange.require_portal(portal_id, self._account_request)

    def limit_requests(self, limit: int) -> None:
        """Send at most so many requests from now on, tries included; then raise RequestsUsedUp."""
        self._exchange.limit_requests(limit)

    def compare_clocks(self, wall_clock: Callable[[], float]) -> None:
        """Compare each answer's date with the machine's clock, in seconds since 1970."""
        self._exchange.compare_clocks(wall_clock)

    def observe_answers(self, on_answer: OnAnswer) -> None:
        """Call a function with the route, status and seconds of each answer."""
        self._exchange.on_answer = on_answer

    def account(self) -> Account:
        """Return the account that the token belongs to; one request."""
        account = self._send(self._account_request, portal.parse_account)
        self._exchange.time_zone = account.time_zone
        return account

    def token_info(self) -> TokenInfo:
        """Return kind and scopes of the token; one request, none for an OAuth app's.

        HubSpot tells the scopes of a private app's token alone
        (https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview).
        """
        if isinstance(self._token_source, Tokens):
            return TokenInfo(kind=TokenKind.OAUTH)
        answer = self.ask(Route.TOKEN_INFO, body={"tokenKey": self._token_source()})
        return TokenInfo(kind=TokenKind.STATIC, scopes=portal.parse_scopes(answer))

    def portal(self) -> Portal:
        """Return account, pipelines and property definitions; five requests, four side by side."""
        account = self.account()  # comes first, so that a useless token is refused once
        return portal_definitions.read(self._send, self._routes, self._side_by_side, account)

    def property_rules(self, object_type: ObjectType) -> Mapping[str, tuple[str, ...]]:
        """Return the kinds of the validation rules on each property; one request."""
        path = self._routes.path(route := Route.PROPERTY_RULES, object_type)
        return self._send(Request(route=route, path=path), portal.parse_property_rules)

    def with_leads(self, portal_info: Portal) -> Portal:
        """Return a portal with the definitions of its leads; two requests."""
        return portal_definitions.read_leads(self._send, self._routes, portal_info)

    def workflows(self, *, pages: int | None = None) -> WorkflowsResult:
        """Return the active workflows; two requests for each hundred, of `pages` hundreds."""
        return workflows.read_all(self._send, self._routes, pages=pages)

    def owner_emails(self) -> tuple[str, ...]:
        """Return the e-mail addresses of owners; one request for each 500."""
        return owners.read_emails(self._send, self._routes)

    def search_changed(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after_id: str = "",
    ) -> Page:
        """Search what was last modified in a window; one request."""
        body = requests.search_changed_body(
            object_type, properties, since=since, until=until, after_id=after_id
        )
        path = self._routes.path(Route.SEARCH, object_type)
        return self._send(
            Request(route=Route.SEARCH, path=path, body=body),
            lambda answer: records.parse_search(answer, object_type, properties),
        )

    def search_last(self, object_type: ObjectType) -> Page:
        """Search the record with the greatest id, and how many there are; one request."""
        path = self._routes.path(Route.SEARCH, object_type)
        request = Request(route=Route.SEARCH, path=path, body=requests.search_last_body())
        return self._send(request, lambda answer: records.parse_search(answer, object_type, ()))

    def search_modified_last(self, object_type: ObjectType, *, limit: int) -> Page:
        """Search the records that were modified last, newest first; one request."""
        body = requests.search_modified_last_body(object_type, limit)
        path = self._routes.path(Route.SEARCH, object_type)
        return self._send(
            Request(route=Route.SEARCH, path=path, body=body),
            lambda answer: records.parse_search(answer, object_type, ()),
        )

    def list_page(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        after: str | None = None,
        archived: bool = False,
    ) -> Page:
        """List at most 100 records; one request."""
        query = requests.list_query(properties, after=after, archived=archived)
        path = self._routes.path(Route.LIST, object_type)
        return self._send(
            Request(route=Route.LIST, path=path, query=query),
            lambda answer: records.parse_list(answer, object_type, properties),
        )

    def read(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> dict[Ref, Record]:
        """Read records of one type; one request for each 100, or 50 with history, side by side."""
        result = self.read_available(refs, properties, history=history)
        if result.unreadable:
            raise RecordsUnreadable(result.unreadable)
        return result.records

    def read_available(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> ReadResult:
        """Read records of one type, and name those that cannot be read; requests as `read`."""
        return self._read_chunks(refs, properties, history)

    def find_archived(self, refs: Sequence[Ref]) -> frozenset[Ref]:
        """Find records in the recycling bin; one request for each 100."""
        result = self._read_chunks(refs, (), (), query={"archived": "true"})
        if result.unreadable:
            raise RecordsUnreadable(result.unreadable)
        return frozenset(ref for ref, record in result.records.items() if record.ref == ref)

    def find_survivor(self, ref: Ref) -> Ref | None:
        """Read one record by its id, to see which record answers; one request."""
        path = self._routes.path(Route.READ, ref.object_type, record_id=ref.id)
        request = Request(route=Route.READ, path=path)
        try:
            return self._send(request, lambda answer: records.parse_ref(answer, ref.object_type))
        except RecordMissing:
            return None

    def associations(
        self, refs: Sequence[Ref], to: ObjectType, *, rounds: int | None = None
    ) -> AssociationsResult:
        """Read associations; one request for each 1,000 records, and more for long lists.

        Return the links of each asked record, and why the links of a record are unreadable: a
        record is in one of the two only. Raise BadAnswer where HubSpot repeats its cursors. With
        `rounds`, a list that is longer than so many pages ends there.
        HubSpot pages the links of each record by themselves (guide to associating records).
        """
        return associations.read(
            self._exchange, self._routes, self._side_by_side, refs, to, rounds=rounds
        )

    def update(self, changes: Mapping[Ref, Mapping[str, str]]) -> UpdateAnswer:
        """Write at most 100 records of one type; one request, unless it must be sent again."""
        if not changes:
            return UpdateAnswer()
        if len(changes) > UPDATE_LIMIT:
            raise ValueError(f"{len(changes)} records in one batch: HubSpot takes {UPDATE_LIMIT}")
        path = self._routes.path(Route.BATCH_UPDATE, object_type_of(list(changes)))
        request = Request(
            route=Route.BATCH_UPDATE, path=path, body=requests.batch_update_body(changes)
        )
        try:
            return self._send(request, lambda answer: records.parse_update(answer, changes))
        except NotSent:
            raise
        except (Unavailable, BadAnswer) as error:
            raise OutcomeUnknown(
                f"HubSpot may or may not have written {len(changes)} records ({error}): "
                "they are read back before anything is sent again",
                retry_after=error.retry_after,
                correlation_id=error.correlation_id,
            ) from error

    def create_task(self, task: Task) -> str:
        """Create a task and return its id; one request."""
        return tasks.create(self._send, self._routes, task)

    def find_task(self, subject: str) -> str | None:
        """Search the task with a subject; one request."""
        return tasks.find(self._send, self._routes, subject)

    def ask(
        self,
        route: Route,
        object_type: ObjectType | None = None,
        to: ObjectType | None = None,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return the answer as it came, a refusal too (400, 404, 409)."""
        path = self._routes.path(route, object_type, to)
        return self._exchange.ask(Request(route=route, path=path, body=body, query=query or {}))

    def close(self) -> None:
        """Close the connections, once the requests under way are answered."""
        self._side_by_side.close()
        self._exchange.close()

    def _read_chunks(
        self,
        refs: Sequence[Ref],
        properties: Sequence[str],
        history: Sequence[str],
        query: Mapping[str, str] | None = None,
    ) -> ReadResult:
        records_by_ref: dict[Ref, Record] = {}
        unreadable: dict[Ref, str] = {}

        def read_part(part: Sequence[Ref], tries: int | None) -> ReadResult:
            path = self._routes.path(Route.BATCH_READ, object_type_of(part))
            body = requests.batch_read_body(part, properties, history)
            return self._send(
                Request(route=Route.BATCH_READ, path=path, body=body, query=query or {}),
                lambda answer: records.parse_batch_read(answer, part, properties, history),
                tries=tries,
            )

        size = HISTORY_LIMIT if history else READ_LIMIT
        parts = chunks(list(dict.fromkeys(refs)), size)
        for results, failing in self._side_by_side.run(
            [partial(isolate_failing_records, part, read_part) for part in parts]
        ):
            unreadable |= failing
            for result in results:
                records_by_ref |= result.records
                unreadable |= result.unreadable
        return ReadResult(records=records_by_ref, unreadable=unreadable)
