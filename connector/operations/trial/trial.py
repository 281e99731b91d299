"""Run a trial: refuse other accounts, try each assumption, remove every record, keep the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from connector.core.model import Account
from connector.errors import ConnectorError, UserError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.codec.parsing import ODD_ANSWER_ERRORS, odd_answer_reason
from connector.hubspot.http.failures import ScopeMissing
from connector.operations.trial.assumption import UNKNOWN
from connector.operations.trial.assumptions import ASSUMPTIONS
from connector.operations.trial.clean import archive_created, remove_all
from connector.operations.trial.link_probes import (
    probe_company_sync,
    probe_deal_settings,
    probe_links,
    probe_merges,
)
from connector.operations.trial.open_trial import TRIAL_OPEN, close_trial, keep_result, open_trial
from connector.operations.trial.read_probes import (
    probe_answers,
    probe_definitions,
    probe_history,
    probe_list,
    probe_read_lag,
    probe_search,
    probe_search_window,
    probe_usage,
)
from connector.operations.trial.trial_records import NotPossible, TrialRecords
from connector.operations.trial.write_probes import (
    Seen,
    probe_backward_write,
    probe_batches,
    probe_clear,
    probe_close_date,
    probe_creation,
    probe_identical_write,
    probe_null,
)
from state import checkpoints
from state.db.store import Store

TEST_ACCOUNTS: Final = frozenset({"DEVELOPER_TEST", "SANDBOX"})
"""Account types in which a trial writes (HubSpot's account information API)."""
REQUESTS_AT_MOST: Final = 220
MINUTES_AT_MOST: Final = 6
Probe = Callable[[TrialRecords], Iterator[Seen]]
PROBES: Final[tuple[tuple[Probe, tuple[str, ...]], ...]] = (
    # How late reads are decides how often the others read.
    (probe_read_lag, ("read-lag",)),
    (probe_answers, ("blank-value", "rate-headers", "missing-ids", "history-batch")),
    (probe_creation, ("stage-on-create", "api-source", "equal-times")),
    (
        probe_backward_write,
        (
            *("backward-write", "backward-refusal", "ignored-echo", "ignored-warning"),
            "ignored-modified",
        ),
    ),
    (probe_identical_write, ("identical-modified",)),
    (probe_clear, ("clear-refused", "gap-filled", "clear-then-set")),
    (probe_null, ("null-clears",)),
    (probe_batches, ("batch-order", "duplicate-ids", "invalid-option", "unknown-property")),
    (probe_close_date, ("close-date",)),
    (probe_history, ("history-length", "history-order")),
    (probe_definitions, ("options-order", "legacy-dates", "contact-pipeline")),
    (probe_usage, ("usage",)),
    (probe_list, ("list-cursor",)),
    (
        probe_search,
        ("search-lag", "search-headers", "search-pages", "search-order", "search-filters"),
    ),
    (probe_search_window, ("search-window",)),
    (probe_company_sync, ("company-sync", "company-sync-scope", "company-sync-source")),
    (probe_deal_settings, ("deal-created", "deal-won")),
    (probe_links, ("link-modified", "archive-modified", "archived-links")),
    (probe_merges, ("merge-id", "merged-ids", "merge-stage")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen of one assumption; `note` says why it is unknown.

    `is_failure` says that a failure, and not the portal itself, is why.
    """

    name: str
    seen: str
    note: str = ""
    is_failure: bool = False

    @property
    def product(self) -> str:
        """Return what the product does under this answer, "" where nothing was seen."""
        return "" if self.seen == UNKNOWN else ASSUMPTIONS[self.name].reaction_to(self.seen)

    @property
    def is_expected(self) -> bool:
        """Return whether the product is right under this answer, and loses nothing."""
        return self.seen == UNKNOWN or ASSUMPTIONS[self.name].is_expected(self.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """The observations of one trial, and how many records were made and are left.

    `linked` are companies that are linked to records of the trial and not known as its own.
    `problems` say in sentences why records may be left; they stay out of the document. `version`
    is the connector's.
    """

    portal_id: str
    account_type: str
    at: datetime
    family: str
    observations: tuple[Observation, ...]
    created: int
    left: int = 0
    linked: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    version: str = ""

    @property
    def needs_action(self) -> bool:
        """Return whether somebody must look: records, an answer that hurts, or a failure."""
        is_bad = any(item.is_failure or not item.is_expected for item in self.observations)
        return bool(self.left or self.linked or self.problems or is_bad)

    def document(self) -> dict[str, Any]:
        """Return the result as JSON, for a report of a bug.

        Of the portal it holds the id, and no value of any record.
        """
        return {
            "portal_id": self.portal_id,
            "account_type": self.account_type,
            "at": self.at.isoformat(),
            "api_version": self.family,
            "connector": self.version,
            "records": {"created": self.created, "left": self.left},
            "assumptions": [
                {
                    "name": observation.name,
                    "seen": observation.seen,
                    "note": observation.note,
                    "failed": observation.is_failure,
                    "fact": ASSUMPTIONS[observation.name].fact,
                    "product": observation.product,
                    "expected": observation.is_expected,
                    "switch": ASSUMPTIONS[observation.name].switch,
                }
                for observation in self.observations
            ],
        }


def require_test_account(account: Account, portal_id: str) -> None:
    """Raise UserError where a trial may not write: another portal, or one that is in use."""
    if portal_id and portal_id != account.portal_id:
        raise UserError(
            f"This token belongs to portal {account.portal_id}, but HUBSPOT_PORTAL_ID is "
            f"{portal_id}. Nothing was written: use the token of the test account."
        )
    if account.account_type not in TEST_ACCOUNTS:
        raise UserError(
            f"Portal {account.portal_id} is a {account.account_type} account. A trial creates and "
            "deletes records, so it runs in a developer test account or a sandbox account only. "
            "Nothing was written: set HUBSPOT_ACCESS_TOKEN to a token of such an account."
        )


def run_trial(
    client: HubSpotClient,
    store: Store,
    account: Account,
    *,
    wait: Callable[[float], None],
    token: str,
    version: str,
) -> TrialResult:
    """Try every assumption in a test account, remove the records, store and return the result.

    Comes in: an account that `require_test_account` let pass, and the lock of its writer. What one
    probe cannot find out leaves its assumptions unknown and stops no other. An interruption
    removes the records too; a process that is killed leaves them to `remove_all`, and the open
    trial says so. Raise UserError where an earlier trial is open.
    """
    portal = client.portal()
    result = TrialResult(
        portal_id=account.portal_id,
        account_type=account.account_type,
        at=client.now(),
        family=client.family,
        observations=(),
        created=0,
        version=version,
    )
    _begin(store, account.portal_id, token)
    records = TrialRecords(client=client, portal=portal, token=token, wait=wait)
    observations: list[Observation] = []
    try:
        for probe, names in PROBES:
            observations += _observe(probe, names, records)
    finally:
        # What was seen is kept first: removing the records may fail.
        created = len(records.created)
        ordered = tuple(sorted([*observations, *_untried()], key=_table_order))
        result = replace(result, observations=ordered, created=created, left=created)
        _keep(store, result)
        result = _clean(client, records, result)
        _keep(store, result)
        if not result.left and not result.problems:
            close_trial(store, account.portal_id)
    return result


def _begin(store: Store, portal_id: str, token: str) -> None:
    """Open a trial, unless another one is open, in one transaction."""
    with store.begin(portal_id) as session:
        if open_trial(session):
            raise UserError(
                "An earlier trial was stopped, and its records may be left: remove them first with "
                "`connector check --trial --clean`."
            )
        checkpoints.put(session, TRIAL_OPEN, token)


def _clean(client: HubSpotClient, records: TrialRecords, result: TrialResult) -> TrialResult:
    """Remove the records; the whole portal is listed where HubSpot may have made others."""
    is_known = not records.is_unsure
    cleaning = archive_created(client, records.created) if is_known else remove_all(client)
    return replace(
        result,
        left=len(cleaning.left),
        linked=tuple(str(ref) for ref in sorted(cleaning.linked)),
        problems=tuple(cleaning.problems),
    )


def _keep(store: Store, result: TrialResult) -> None:
    with store.begin(result.portal_id) as session:
        keep_result(session, result.document())


def _untried() -> list[Observation]:
    return [
        Observation(name=assumption.name, seen=UNKNOWN, note=assumption.untried)
        for assumption in ASSUMPTIONS.values()
        if assumption.untried
    ]


def _observe(probe: Probe, names: tuple[str, ...], records: TrialRecords) -> list[Observation]:
    """Run one probe; what it does not reach stays unknown, with the reason."""
    seen: dict[str, str] = {}
    note, is_failure = "another answer of this probe leaves nothing to see", False
    try:
        # A probe that fails has yielded what it saw before.
        for name, text in probe(records):
            seen |= {name: text}
    except NotPossible as error:
        note = str(error)
    except (ConnectorError, *ODD_ANSWER_ERRORS) as error:
        note, is_failure = _failure_text(error), True
    return [
        Observation(name=name, seen=seen[name])
        if name in seen
        else Observation(name=name, seen=UNKNOWN, note=note, is_failure=is_failure)
        for name in names
    ]


def _failure_text(error: Exception) -> str:
    """Say what failed, without HubSpot's own message: it may hold values of records."""
    if isinstance(error, ScopeMissing):
        return f"the token lacks {' or '.join(error.scopes) or 'a scope'}"
    if isinstance(error, ConnectorError):
        return f"HubSpot failed, or was not reached ({type(error).__name__})"
    return f"HubSpot answered otherwise than documented ({odd_answer_reason(error)})"


def _table_order(observation: Observation) -> int:
    return list(ASSUMPTIONS).index(observation.name)
