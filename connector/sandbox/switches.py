"""The portal's habits as switches, and the values of those that HubSpot leaves unsure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

SCOPES: Final = frozenset(
    {
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.objects.companies.read",
        "crm.objects.companies.write",
        "crm.objects.deals.read",
        "crm.objects.deals.write",
        "crm.objects.owners.read",
    }
)


def _unsure(values: tuple[Any, ...], *, says: str) -> Any:
    return field(default=values[0], metadata={"values": values, "says": says})


def _habit(*, value: Any, says: str) -> Any:
    return field(default=value, metadata={"says": says})


@dataclass(slots=True, kw_only=True)
class Switches:
    """How this portal behaves; each may be changed while it is served.

    `says` in a field's metadata tells what is known; `values` are those that it may have
    where the sources are silent, contradict each other, or only let one infer.
    """

    # Writing a lifecycle stage
    backward_write: str = _unsure(
        ("ignored", "error", "allowed"),
        says="A backward set without a clear: silent 2xx no-op by most reports; one application"
        " handles an error for it; one skill says that PATCH sets any direction.",
    )
    backward_error_scope: str = _unsure(
        ("batch", "record"),
        says="Whether a backward set that is refused fails alone or with its batch: not found.",
    )
    backward_echo: str = _unsure(
        ("old", "asked"),
        says="Whether the body of an ignored PATCH or batch shows the old or the asked value:"
        " not found.",
    )
    backward_warning: bool = _unsure(
        (False, True),
        says="`warnings` exists in the schema of v3 and 2026-03; no sample of it for this case.",
    )
    ignored_write_bumps_modified: bool = _unsure(
        (False, True), says="Whether last-modified moves on an ignored write: not found."
    )
    identical_write_bumps_modified: bool = _unsure(
        (False, True),
        says="Writing identical values does not move last-modified in recorded answers (inferred).",
    )
    clear_settles_seconds: float = _unsure(
        (0.0, 1.0),
        says="Delay needed between clear and set: none documented. Within this time a set is"
        " compared with the value from before the clear.",
    )
    clear_refused: bool = _unsure(
        (False, True),
        says="A required property may refuse a clear with 400 VALIDATION_ERROR (inferred).",
    )
    null_clears: bool = _unsure(
        (True, False), says="Whether null clears a property, as the empty string does: not found."
    )
    write_validation_2026_09: bool = _unsure(
        (False, True),
        says="2026-09 enforces the portal's validation rules on writes: the stage is required.",
    )
    batch_order: str = _unsure(
        ("asked", "reversed"), says="Order of the results of one batch: not documented."
    )
    default_stage_on_create: str = _habit(
        value="lead", says="Contacts and companies created by the API without a stage become this."
    )

    # Dates that go with a stage
    legacy_stage_dates: bool = _unsure(
        (True, False),
        says="Not every account has `hs_lifecyclestage_…_date`; the exact rule was not found.",
    )
    backward_clears_closedate: bool = _unsure(
        (False, True), says="Whether leaving `customer` clears the contact's closedate: not found."
    )

    # HubSpot's own automations
    native_company_sync: bool = _unsure(
        (False, True), says="Company to contacts sync of stages, forward only: default not stated."
    )
    native_sync_scope: str = _unsure(
        ("primary", "all"), says="Contacts of the primary company (2022) or all associated (2018)."
    )
    native_sync_source: str = _unsure(
        ("COMPANIES", "PIPELINE_SETTINGS"),
        says="Which sourceType the company sync writes: not found; two candidates.",
    )
    native_deal_created: str | None = _unsure(
        (None, "opportunity"), says="Stage of contacts and companies when a deal is created."
    )
    native_deal_won: str | None = _unsure(
        (None, "customer"), says="Stage of contacts and companies when a deal is won."
    )
    native_sync_delay_seconds: float = _habit(
        value=0.0, says="How long HubSpot's own automations take to act."
    )
    automation_in_gap: str | None = _unsure(
        (None, "customer"),
        says="Between clear and set, every forward-only automation sees no value and may write.",
    )
    automation_in_gap_times: int = _habit(
        value=1, says="How often that automation acts before it stays quiet."
    )

    # Reading
    blank_in_answers: str = _unsure(
        ("null", "absent"), says="On read a blank is null or its key is absent: both recorded."
    )
    read_lag: int = _unsure(
        (0, 1), says="So many reads right after a write may still return the old value."
    )
    batch_read_missing: int = _unsure(
        (207, 200), says="Missing ids: 207 with an error, by some reports 200 with fewer rows."
    )
    batch_read_follows_merges: bool = _unsure(
        (True, False), says="GET by a merged id returns the survivor; batch read was not found."
    )
    batch_history_max: int = _unsure(
        (50, 100), says="Batch read with history: connectors use 50, not documented."
    )
    history_versions_max: int | None = _unsure(
        (None, 20), says="How many versions of a property the API returns: no number found."
    )
    history_order: str = _unsure(
        ("newest_first", "oldest_first"), says="Newest first in samples; order not guaranteed."
    )
    api_source: str = _unsure(
        ("INTEGRATION", "API"), says="sourceType of writes by a token: depends on the app kind."
    )
    options_order: str = _unsure(
        ("displayed", "shuffled"), says="Sort options by displayOrder, do not trust array order."
    )
    pipelines_for_contacts: int = _unsure(
        (200, 400), says="GET pipelines/contacts works in recordings; undocumented; one mock: 400."
    )
    stage_property_suffix: str = _habit(
        value="plain", says="`numbered`: names of stage dates of custom stages get digits appended."
    )

    # Search
    search_lag_seconds: float = _unsure(
        (0.0, 6.0), says="The search index may take a few moments; 5-6 s typical, 15 min once."
    )
    search_lag_for: dict[str, float] = field(
        default_factory=dict, metadata={"says": "Lag of single records, by `contacts/123`."}
    )
    rows_out_of_order: bool = _unsure(
        (False, True), says="Rows sorted by last-modified can come out of order."
    )
    rows_outside_window: bool = _unsure(
        (False, True), says="Rows outside BETWEEN occur and must be dropped by the client."
    )
    search_rate_scope: str = _unsure(
        ("account", "token"), says="5 searches a second per account, or per token (older text)."
    )
    search_filter_limits: tuple[int, int, int] = _unsure(
        ((5, 6, 18), (5, 10, 25)), says="Groups, filters of one, filters of all: sources differ."
    )
    search_daily_headers: bool = _unsure(
        (True, False),
        says="Search answers: no rate headers (docs), daily ones (recorded).",
    )

    list_after: str = _unsure(
        ("next", "last", "opaque"),
        says="A list's `after` is documented as the id of the next record; whether it may be the"
        " last one's, or a cursor that only HubSpot makes: not found.",
    )

    # Associations and merges
    association_bumps_modified: bool = _unsure(
        (True, False), says="Linking often moves last-modified, not for certain and not at once."
    )
    association_batch_max: int = _habit(value=1000, says="Inputs of one association batch read.")
    long_paging_of_associations: int = _habit(value=500, says="Page size of association answers.")
    merge_new_id: bool = _unsure(
        (True, False), says="A merge creates a new record id nowadays; once the primary's survived."
    )
    merge_stage: str = _unsure(
        ("primary", "recent", "cleared"), says="Which stage wins in a merge: sources disagree."
    )
    webhook_clear: str = _unsure(
        ("", "null", "absent"), says="What a clear looks like in a webhook: no sample found."
    )

    # Limits
    enforce_limits: bool = _habit(value=False, says="Off: the box is as fast as it can be.")
    app_kind: str = _habit(value="private", says="`private`: a daily limit; `oauth`: none.")
    burst_limit: int = _habit(value=190, says="Requests in ten seconds of the portal's clock.")
    search_limit: int = _habit(value=5, says="Searches in a second of the portal's clock.")
    daily_limit: int = _habit(value=625_000, says="Requests in a day of the portal's time zone.")
    retry_after_on_429: bool = _unsure(
        (False, True), says="Retry-After on 429: not documented, not seen."
    )
    usage_known: bool = _unsure(
        (True, False), says="Whether the usage endpoint covers a service key: not found."
    )
    scopes: set[str] = field(
        default_factory=lambda: set(SCOPES), metadata={"says": "What the token may do."}
    )
    latency_seconds: float = _habit(value=0.0, says="How long an answer takes, in real time.")
    hang_seconds: float = _habit(value=60.0, says="After this real time a hanging answer gives up.")

    def put(self, name: str, value: Any) -> None:
        """Set a switch by name, from JSON; raise ValueError for an unknown name or value."""
        known = {one.name: one for one in fields(self)}
        if name not in known:
            raise ValueError(f"there is no switch {name!r}")
        kept = _kept(getattr(self, name), value)
        allowed = known[name].metadata.get("values", ())
        if isinstance(kept, str | None) and allowed and kept not in allowed and name not in _FREE:
            raise ValueError(f"{name} is one of {', '.join(map(str, allowed))}, not {value!r}")
        setattr(self, name, kept)


_FREE: Final = frozenset({"native_deal_created", "native_deal_won", "automation_in_gap"})

UNSURE: Final[Mapping[str, tuple[Any, ...]]] = {
    one.name: one.metadata["values"] for one in fields(Switches) if "values" in one.metadata
}


def _kept(old: Any, new: Any) -> Any:
    if isinstance(old, set):
        return set(new)
    return tuple(new) if isinstance(old, tuple) else new
