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


def _uncertain(values: tuple[Any, ...], *, note: str) -> Any:
    return field(default=values[0], metadata={"values": values, "says": note})


def _setting(*, value: Any, note: str) -> Any:
    return field(default=value, metadata={"says": note})


@dataclass(slots=True, kw_only=True)
class Switches:
    """How this portal behaves; each may be changed while it is served.

    `says` in a field's metadata tells what is known; `values` are those that it may have
    where the sources are silent, contradict each other, or only let one infer.
    """

    # Writing a lifecycle stage
    backward_write: str = _uncertain(
        ("ignored", "error", "allowed"),
        note="A backward set without a clear: silent 2xx no-op by most reports; one application"
        " handles an error for it; one skill says that PATCH sets any direction.",
    )
    backward_error_scope: str = _uncertain(
        ("batch", "record"),
        note="Whether a backward set that is refused fails alone or with its batch: not found.",
    )
    backward_echo: str = _uncertain(
        ("old", "asked"),
        note="Whether the body of an ignored PATCH or batch shows the old or the asked value:"
        " not found.",
    )
    backward_warning: bool = _uncertain(
        (False, True),
        note="`warnings` exists in the schema of v3 and 2026-03; no sample of it for this case.",
    )
    ignored_write_bumps_modified: bool = _uncertain(
        (False, True), note="Whether last-modified moves on an ignored write: not found."
    )
    identical_write_bumps_modified: bool = _uncertain(
        (False, True),
        note="Writing identical values does not move last-modified in recorded answers (inferred).",
    )
    clear_delay_seconds: float = _uncertain(
        (0.0, 1.0),
        note="Delay needed between clear and set: none documented. Within this time a set is"
        " compared with the value from before the clear.",
    )
    clear_refused: bool = _uncertain(
        (False, True),
        note="A required property may refuse a clear with 400 VALIDATION_ERROR (inferred).",
    )
    null_clears: bool = _uncertain(
        (True, False), note="Whether null clears a property, as the empty string does: not found."
    )
    write_validation_2026_09: bool = _uncertain(
        (False, True),
        note="2026-09 enforces the portal's validation rules on writes: the stage is required.",
    )
    batch_order: str = _uncertain(
        ("asked", "reversed"), note="Order of the results of one batch: not documented."
    )
    default_stage_on_create: str = _setting(
        value="lead", note="Contacts and companies created by the API without a stage become this."
    )

    # Dates that go with a stage
    legacy_stage_dates: bool = _uncertain(
        (True, False),
        note="Not every account has `hs_lifecyclestage_…_date`; the exact rule was not found.",
    )
    backward_clears_closedate: bool = _uncertain(
        (False, True), note="Whether leaving `customer` clears the contact's closedate: not found."
    )

    # HubSpot's own automations
    native_company_sync: bool = _uncertain(
        (False, True), note="Company to contacts sync of stages, forward only: default not stated."
    )
    native_sync_scope: str = _uncertain(
        ("primary", "all"), note="Contacts of the primary company (2022) or all associated (2018)."
    )
    native_sync_source: str = _uncertain(
        ("COMPANIES", "PIPELINE_SETTINGS"),
        note="Which sourceType the company sync writes: not found; two candidates.",
    )
    native_deal_created: str | None = _uncertain(
        (None, "opportunity"), note="Stage of contacts and companies when a deal is created."
    )
    native_deal_won: str | None = _uncertain(
        (None, "customer"), note="Stage of contacts and companies when a deal is won."
    )
    native_sync_delay_seconds: float = _setting(
        value=0.0, note="How long HubSpot's own automations take to act."
    )
    automation_in_gap: str | None = _uncertain(
        (None, "customer"),
        note="Between clear and set, every forward-only automation sees no value and may write.",
    )
    automation_in_gap_times: int = _setting(
        value=1, note="How often that automation acts before it stays quiet."
    )

    # Reading
    blank_in_answers: str = _uncertain(
        ("null", "absent"), note="On read a blank is null or its key is absent: both recorded."
    )
    read_lag: int = _uncertain(
        (0, 1), note="So many reads right after a write may still return the old value."
    )
    batch_read_missing: int = _uncertain(
        (207, 200), note="Missing ids: 207 with an error, by some reports 200 with fewer rows."
    )
    batch_read_follows_merges: bool = _uncertain(
        (True, False), note="GET by a merged id returns the survivor; batch read was not found."
    )
    batch_history_max: int = _uncertain(
        (50, 100), note="Batch read with history: connectors use 50, not documented."
    )
    history_versions_max: int | None = _uncertain(
        (None, 20), note="How many versions of a property the API returns: no number found."
    )
    history_order: str = _uncertain(
        ("newest_first", "oldest_first"), note="Newest first in samples; order not guaranteed."
    )
    api_source: str = _uncertain(
        ("INTEGRATION", "API"), note="sourceType of writes by a token: depends on the app kind."
    )
    options_order: str = _uncertain(
        ("displayed", "shuffled"), note="Sort options by displayOrder, do not trust array order."
    )
    pipelines_for_contacts: int = _uncertain(
        (200, 400), note="GET pipelines/contacts works in recordings; undocumented; one mock: 400."
    )
    stage_property_suffix: str = _setting(
        value="plain", note="`numbered`: names of stage dates of custom stages get digits appended."
    )

    # Search
    search_lag_seconds: float = _uncertain(
        (0.0, 6.0), note="The search index may take a few moments; 5-6 s typical, 15 min once."
    )
    search_lag_for: dict[str, float] = field(
        default_factory=dict, metadata={"says": "Lag of single records, by `contacts/123`."}
    )
    rows_out_of_order: bool = _uncertain(
        (False, True), note="Rows sorted by last-modified can come out of order."
    )
    rows_outside_window: bool = _uncertain(
        (False, True), note="Rows outside BETWEEN occur and must be dropped by the client."
    )
    search_rate_scope: str = _uncertain(
        ("account", "token"), note="5 searches a second per account, or per token (older text)."
    )
    search_filter_limits: tuple[int, int, int] = _uncertain(
        ((5, 6, 18), (5, 10, 25)), note="Groups, filters of one, filters of all: sources differ."
    )
    search_daily_headers: bool = _uncertain(
        (True, False),
        note="Search answers: no rate headers (docs), daily ones (recorded).",
    )

    list_after: str = _uncertain(
        ("next", "last", "opaque"),
        note="A list's `after` is documented as the id of the next record; whether it may be the"
        " last one's, or a cursor that only HubSpot makes: not found.",
    )

    # Associations and merges
    association_bumps_modified: bool = _uncertain(
        (True, False), note="Linking often moves last-modified, not for certain and not at once."
    )
    association_batch_max: int = _setting(value=1000, note="Inputs of one association batch read.")
    long_paging_of_associations: int = _setting(value=500, note="Page size of association answers.")
    merge_new_id: bool = _uncertain(
        (True, False), note="A merge creates a new record id nowadays; once the primary's survived."
    )
    merge_stage: str = _uncertain(
        ("primary", "recent", "cleared"), note="Which stage wins in a merge: sources disagree."
    )
    webhook_clear: str = _uncertain(
        ("", "null", "absent"), note="What a clear looks like in a webhook: no sample found."
    )

    # Limits
    enforce_limits: bool = _setting(value=False, note="Off: the box is as fast as it can be.")
    app_kind: str = _setting(value="private", note="`private`: a daily limit; `oauth`: none.")
    burst_limit: int = _setting(value=190, note="Requests in ten seconds of the portal's clock.")
    search_limit: int = _setting(value=5, note="Searches in a second of the portal's clock.")
    daily_limit: int = _setting(value=625_000, note="Requests in a day of the portal's time zone.")
    retry_after_on_429: bool = _uncertain(
        (False, True), note="Retry-After on 429: not documented, not seen."
    )
    usage_known: bool = _uncertain(
        (True, False), note="Whether the usage endpoint covers a service key: not found."
    )
    scopes: set[str] = field(
        default_factory=lambda: set(SCOPES), metadata={"says": "What the token may do."}
    )
    latency_seconds: float = _setting(value=0.0, note="How long an answer takes, in real time.")
    hang_seconds: float = _setting(
        value=60.0, note="After this real time a hanging answer gives up."
    )

    def put(self, name: str, value: Any) -> None:
        """Set a switch by name, from JSON; raise ValueError for an unknown name or value."""
        switches = {switch.name: switch for switch in fields(self)}
        if name not in switches:
            raise ValueError(f"there is no switch {name!r}")
        converted = _convert(getattr(self, name), value)
        allowed = switches[name].metadata.get("values", ())
        if (
            isinstance(converted, str | None)
            and allowed
            and converted not in allowed
            and name not in _UNRESTRICTED
        ):
            raise ValueError(f"{name} is one of {', '.join(map(str, allowed))}, not {value!r}")
        setattr(self, name, converted)


_UNRESTRICTED: Final = frozenset({"native_deal_created", "native_deal_won", "automation_in_gap"})

UNCERTAIN: Final[Mapping[str, tuple[Any, ...]]] = {
    switch.name: switch.metadata["values"]
    for switch in fields(Switches)
    if "values" in switch.metadata
}


def _convert(old: Any, new: Any) -> Any:
    if isinstance(old, set):
        return set(new)
    return tuple(new) if isinstance(old, tuple) else new
