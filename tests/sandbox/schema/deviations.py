"""List the reviewed differences between the sandbox and the recordings or specs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final


@dataclass(frozen=True, slots=True)
class Deviation:
    """Differences that are meant: in which answers, which ones (a pattern), and why."""

    answers: str
    pattern: str
    reason: str

    def covers(self, answer: str, difference: str) -> bool:
        """Return whether a difference of an answer is this one."""
        return fnmatchcase(answer, self.answers) and bool(re.fullmatch(self.pattern, difference))


DEAL_SUMS: Final = (
    r"(closed|open|forecast|projected)_amount\w*|weighted_pipeline\w*|days_to_close_raw"
    r"|deal_stage_probability_shadow|closed_deal_\w+_date|open_deal_create_date|actual_duration"
    r"|is_(closed|open)_count|has_last_\w+|num_associated_\w+|number_of_\w+"
)
TASK_VIEWS: Final = (
    r"body_preview\w*|obj_coords|pipeline|pipeline_stage|start_date_with_fallback|timestamp"
    r"|engagements_last_contacted|task_(completion|is|missed|family|for_object)\w*"
)
DEFAULT_SET: Final = (
    r"hs_object_source(_id|_label)?|hs_pipeline|hs_task_label|hs_is_unworked|hs_is_closed_won"
    r"|hs_closed_won_count|days_to_close"
)
NEW_DEFAULTS: Final = (
    r"hs_v2_(date_entered|time_in)_current_stage|hs_task_label|hs_num_\w+|num_\w+"
    r"|hs_annual_revenue_currency_code|hs_associated_target_accounts|hs_full_name_or_email"
    r"|hs_prospecting_agent_\w+_count|hs_sequences_actively_enrolled_count"
)
FROM_RECORDINGS: Final = (
    Deviation(
        "nango/create-*",
        r"status: 201 where 200 was",
        "that fixture keeps no status; 201 in vcr-ruby_hubspot_api/companies-create-0",
    ),
    Deviation(
        "nango/batch-create-*",
        r"status: 201 where 200 was",
        "that fixture keeps no status; 201 in lifecycle-contacts-batches-search-0",
    ),
    Deviation(
        "amp-labs/*",
        r"status: 201 where 200 was",
        "that fixture's status is a guess; 201 in lifecycle-contacts-batches-search-0",
    ),
    Deviation(
        "*",
        r"\$(\.results\[\])?\.url: added",
        "no `url` before 2025 and in cut fixtures; there in nango/get-contact-0",
    ),
    Deviation(
        "manual/4*",
        r"\$\.correlationId: added",
        "excerpts without it; there in vcr-ruby_hubspot_api/contacts-find-by-id-no-scope-0",
    ),
    Deviation(
        "manual/200-silent-failure-empty-results",
        r"\$\.(started|completed)At: added",
        "an excerpt; there in amp-labs/batch-update-contacts-success",
    ),
    Deviation(
        "manual/429-secondly*",
        r"\$\.(requestId|groupName): missing",
        "of 2018; manual/429-ten-secondly has neither",
    ),
    Deviation(
        "vcr-ruby_hubspot_api/*-no-scope-0",
        r"\$\.errors\[\]\.context\.requiredScopes: missing",
        "of 2024; manual/403-missing-scopes-write names the granular ones only",
    ),
    Deviation(
        "vcr-ruby_hubspot_api/*-properties-no-scope-0",
        r"header x-hubspot-ratelimit-[a-z-]+: wrong",
        "no refusal is counted; vcr-ruby_hubspot_api/contacts-find-by-id-no-scope-0 has none",
    ),
    Deviation(
        "manual/history-is_verified",
        r"\$\.results\[\]\.propertiesWithHistory\.is_verified\[\]\.sourceLabel: added",
        "of 2022; `sourceLabel` is in the schema of crm-contacts.v3 since",
    ),
    Deviation(
        "amp-labs/metadata-deals-properties-sampled",
        r"\$\.results\[\]\.referencedObjectType: added",
        "a sample without owners; there in amp-labs/metadata-contacts-properties-sampled",
    ),
    Deviation(
        "amp-labs/read-objects-api-contacts-response",
        r".*\.hs_object_id: added",
        "cut by the fixture; there in nango/list-contacts-0",
    ),
    Deviation(
        "nango/*te-deal-0",
        rf"\$\.properties\.hs_({DEAL_SUMS}): missing",
        "sums and counts that HubSpot derives from a deal; none of them is evidence",
    ),
    Deviation(
        "nango/*te-task-0",
        rf"\$\.properties\.hs_({TASK_VIEWS}): missing",
        "what HubSpot's app shows of a task; the connector only creates and finds tasks",
    ),
    Deviation(
        "nango/update-contact-0",
        r"\$\.properties\.notes_last_updated: missing",
        "notes are not imitated",
    ),
    Deviation(
        "nango/update-*-clear-fields-0",
        rf"\$\.properties\.({DEFAULT_SET}): added",
        "that fixture lacks the default set and most headers; there in nango/update-company-0",
    ),
    Deviation(
        "amp-labs/batch-*",
        r".*\.properties\.hs_v2_(date_entered|time_in)_current_stage: added",
        "an account without calculated stage properties; there in nango/update-contact-0",
    ),
    Deviation(
        "vcr-ruby_hubspot_api/*",
        rf"\$(\.results\[\])?\.properties\.({NEW_DEFAULTS}): added",
        "the default set of 2024 was smaller; nango/create-contact-0, create-company-0 (2026)",
    ),
    Deviation(
        "vcr-ruby_hubspot_api/contacts-patch-*",
        r"\$\.properties\.hs_is_contact: missing",
        "of 2024; not in nango/update-contact-0 (2026)",
    ),
    Deviation(
        "vcr-ruby_hubspot_api/lifecycle-contacts-*",
        r".*\.hs_lifecyclestage_lead_date: string:digits where string:timestamp was",
        "of 2024; milliseconds in nango/create-contact-0 (2026)",
    ),
)

FROM_SPECS: Final = (
    Deviation(
        "*",
        r"Error \$: Additional properties .*\('status' was unexpected\)",
        "every recorded error has `status`: amp-labs/batch-update-contacts-err-duplicate-ids",
    ),
    Deviation(
        "*",
        r"BatchResponse\w+WithErrors \$\.errors\[\]: '(errors|links)' is a required property",
        "neither in amp-labs/batch-update-contacts-err-partial-success",
    ),
    Deviation(
        "crm-associations.v4",
        r"\w+ \$.*\.label: None is not of type 'string'",
        "null in amp-labs/search-contacts-contacts-to-companies",
    ),
    Deviation(
        "crm-associations.v4",
        r"\w+ \$.*\.toObjectId: \d+ is not of type 'string'",
        "a number in amp-labs/search-contacts-contacts-to-companies",
    ),
    Deviation(
        "crm-associations.v4",
        r"\w+ \$\.errors\[\]\.subCategory: '[\w.]+' is not of type 'object'",
        "text in amp-labs/search-contacts-contacts-to-companies",
    ),
    Deviation(
        "*",
        r"\w+ \$.*\.properties\.\w+: None is not of type 'string'",
        "a blank is null in nango/list-companies-0",
    ),
)


def unexpected(
    deviations: Iterable[Deviation], answer: str, differences: Iterable[str]
) -> list[str]:
    """Return the differences of an answer that nobody has reviewed."""
    return [
        difference
        for difference in differences
        if not any(deviation.covers(answer, difference) for deviation in deviations)
    ]
