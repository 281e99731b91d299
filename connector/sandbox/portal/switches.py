"""How a portal behaves, as switches, with the possible values where HubSpot's way is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

RECORD_ODDITIES: Final = (
    "no-created-at",
    "no-modified-at",
    "no-version-times",
    "lone-surrogate",
    "control-characters",
)
DEFINITION_ODDITIES: Final = ("no-type", "order-null", "label-null")

SCOPES: Final = frozenset(
    {
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.objects.companies.read",
        "crm.objects.companies.write",
        "crm.objects.deals.read",
        "crm.objects.deals.write",
        "crm.objects.leads.read",
        "crm.objects.leads.write",
        "crm.objects.owners.read",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredRule:
    """A conditional required property: writing `value` needs a value of `requires`.

    `value` is a value, `*` for any value that is not blank, or "" for a clear. The write is
    allowed where the record, or the write itself, holds a value of `requires`; with `requires`
    the same as `property_name` and `value` "" the property can never be cleared, and with a
    property that nobody fills every such write is refused.
    """

    property_name: str
    value: str
    requires: str
    object_type: str = "contacts"


def _uncertain(values: tuple[Any, ...], *, note: str) -> Any:
    return field(default=values[0], metadata={"values": values, "says": note})


def _setting(*, value: Any, note: str) -> Any:
    return field(default=value, metadata={"says": note})


@dataclass(slots=True, kw_only=True)
class Switches:
    """How this portal behaves; each switch may be changed while the portal is served.

    `says` in a field's metadata tells what is known of it. `values` lists the possible values
    where sources are silent, contradict each other, or only allow an inference.
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
    required_rules: tuple[RequiredRule, ...] = _setting(
        value=(),
        note="Conditional required properties: 2026-09 enforces them on API writes, this sandbox"
        " in every version. A batch with such a write is refused whole, 400 VALIDATION_ERROR."
        " As JSON: a list of {property_name, value, requires, object_type}.",
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
    company_of_domain: bool = _setting(
        value=False,
        note="HubSpot creates and links the company of a new contact's e-mail domain: a setting"
        " of the portal, on in new ones.",
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

    # Other programs
    clear_and_set: dict[str, str] = field(
        default_factory=dict,
        metadata={
            "says": "A workflow's way back: a contact or company that enters the stage on the left"
            " is cleared, and `clear_and_set_minutes` later set to the stage on the right. The set"
            " is forward only: it does nothing where somebody filled the gap with more."
        },
    )
    clear_and_set_minutes: float = _setting(
        value=5.0, note="How long such a workflow waits between its clear and its set."
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
    odd_records: dict[str, str] = field(
        default_factory=dict,
        metadata={
            "says": "Records that are answered oddly, by `contacts/123`: "
            + ", ".join(f"`{oddity}`" for oddity in RECORD_ODDITIES)
            + "; the last two put such text into `recent_conversion_event_name` (or the name)."
        },
    )
    odd_definitions: dict[str, str] = field(
        default_factory=dict,
        metadata={
            "says": "Definitions that are answered oddly, by `contacts.jobtitle` (a property) or"
            " `deals/default` (a pipeline): "
            + ", ".join(f"`{oddity}`" for oddity in DEFINITION_ODDITIES)
            + "."
        },
    )
    date_header_offset_seconds: float = _setting(
        value=0.0, note="How far the `Date` header of answers is off the portal's clock."
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
    search_pages: str = _uncertain(
        ("full", "short", "hole", "empty"),
        note="A page may hold fewer rows than `limit`, even none, with `total` right and"
        " `paging.next` there (reports of June 2026). `short`: each page of two rows or more lacks"
        " its last row; `hole`: a page lacks its middle row when it is asked for the first time,"
        " and the next page does not bring it; `empty`: a page has no rows the first time.",
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
    archiving_bumps_linked: bool = _uncertain(
        (True, False),
        note="Whether archiving or restoring a record moves last-modified of linked ones: not"
        " found.",
    )
    archived_links: str = _uncertain(
        ("hidden", "listed"),
        note="Whether association reads still list records that are archived: not found.",
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

    # The account
    account_type: str = _setting(
        value="STANDARD",
        note="What the account information says: STANDARD, DEVELOPER_TEST, SANDBOX.",
    )

    # Limits
    enforce_limits: bool = _setting(value=False, note="Off: the sandbox answers as fast as it can.")
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
        converted = _convert(name, getattr(self, name), value)
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

_ODDITIES: Final = {"odd_records": RECORD_ODDITIES, "odd_definitions": DEFINITION_ODDITIES}

UNCERTAIN: Final[Mapping[str, tuple[Any, ...]]] = {
    switch.name: switch.metadata["values"]
    for switch in fields(Switches)
    if "values" in switch.metadata
}


def _convert(name: str, old: Any, new: Any) -> Any:
    if name == "required_rules":
        return tuple(
            rule if isinstance(rule, RequiredRule) else RequiredRule(**rule) for rule in new
        )
    if name in _ODDITIES:
        unknown = sorted(set(new.values()) - set(_ODDITIES[name]))
        if unknown:
            raise ValueError(f"{name} holds one of {', '.join(_ODDITIES[name])}, not {unknown[0]}")
    if isinstance(old, set):
        return set(new)
    return tuple(new) if isinstance(old, tuple) else new
