"""The properties that every portal has, one a line: name, label, type, field type, flags.

Flags: `ro` the value is read-only · `calc` calculated · `hidden` · `ext` its options come
from elsewhere · `unique` · `=…` always this value · `ref:…` the type it refers to.
"""

from __future__ import annotations

from typing import Final

COMMON: Final = """
hs_object_id | Record ID | number | number | ro
hs_object_source | Record creation source | string | text | ro hidden
hs_object_source_id | Record creation source ID | string | text | ro hidden
hs_object_source_label | Record source | enumeration | select | ro ext
hs_merged_object_ids | Merged record IDs | enumeration | checkbox | ro
"""

CONTACTS: Final = """
associatedcompanyid | Primary Associated Company ID | number | number | hidden ext ref:COMPANY
city | City | string | text |
closedate | Close Date | datetime | date |
company | Company Name | string | text |
country | Country/Region | string | text |
createdate | Create Date | datetime | date | ro
email | Email | string | text | unique
first_conversion_date | First Conversion Date | datetime | date | ro calc
first_conversion_event_name | First Conversion | string | text | ro calc
firstname | First Name | string | text |
hs_all_contact_vids | All vids for a contact | enumeration | select | ro calc hidden
hs_analytics_source | Original Source | enumeration | select |
hs_associated_target_accounts | Target Accounts | number | calculation_rollup | ro calc =0
hs_calculated_form_submissions | All form submissions | enumeration | checkbox | ro calc hidden
hs_calculated_merged_vids | Merged vids with timestamps | enumeration | select | ro calc hidden
hs_currently_enrolled_in_prospecting_agent | With agent | bool | checkbox | ro calc =false
hs_email_domain | Email Domain | string | text | ro calc
hs_full_name_or_email | Full name or email | string | calculation_equation | ro calc
hs_is_contact | Is a contact | bool | calculation_equation | ro calc hidden =true
hs_is_unworked | Contact unworked | bool | calculation_equation | ro calc =true
hs_lead_status | Lead Status | enumeration | radio |
hs_membership_has_accessed_private_content | Has Accessed Private | number | number | ro =0
hs_pipeline | Pipeline | enumeration | select | hidden ext
hs_predictivecontactscore | HubSpot Predictive Score | number | number | ro
hs_predictivecontactscore_v2 | Likelihood to close | number | number | ro
hs_prospecting_agent_actively_enrolled_count | Agent Active Count | number | number | ro =0
hs_prospecting_agent_total_enrolled_count | Agent Total Count | number | number | ro =0
hs_registered_member | Registered member | number | number | ro hidden =0
hs_searchable_calculated_phone_number | Calculated Phone | string | phonenumber | ro calc
hs_sequences_actively_enrolled_count | In Sequences | number | number | ro =0
hubspot_owner_id | Contact owner | enumeration | select | ext ref:OWNER
hubspotscore | HubSpot Score | number | calculation_score | ro
jobtitle | Job Title | string | text |
lastmodifieddate | Last Modified Date | datetime | date | ro
lastname | Last Name | string | text |
lifecyclestage | Lifecycle Stage | enumeration | radio | ext
mobilephone | Mobile Phone Number | string | phonenumber |
num_associated_deals | Number of Associated Deals | number | number | ro
num_conversion_events | Number of Form Submissions | number | number | ro calc
num_notes | Number of Sales Activities | number | number | ro =0
num_unique_conversion_events | Number of Unique Forms Submitted | number | number | ro calc
phone | Phone Number | string | phonenumber |
recent_conversion_date | Recent Conversion Date | datetime | date | ro calc
recent_conversion_event_name | Recent Conversion | string | text | ro calc
state | State/Region | string | text |
website | Website URL | string | text |
"""

COMPANIES: Final = """
city | City | string | text |
country | Country/Region | string | text |
createdate | Create Date | datetime | date | ro
description | Description | string | textarea |
domain | Company Domain Name | string | text |
hs_annual_revenue_currency_code | Annual Revenue Currency Code | string | text | ro hidden
hs_lastmodifieddate | Last Modified Date | datetime | date | ro
hs_lead_status | Lead Status | enumeration | radio |
hs_num_blockers | Number of blockers | number | calculation_rollup | ro calc =0
hs_num_child_companies | Number of child companies | number | number | ro =0
hs_num_contacts_with_buying_roles | Buying roles | number | calculation_rollup | ro calc =0
hs_num_decision_makers | Number of decision makers | number | calculation_rollup | ro calc =0
hs_num_open_deals | Number of Open Deals | number | calculation_rollup | ro calc
hs_pipeline | Pipeline | enumeration | select | hidden ext
hs_task_label | Task label | string | calculation_equation | ro calc hidden
hubspot_owner_id | Company owner | enumeration | select | ext ref:OWNER
industry | Industry | string | text |
lifecyclestage | Lifecycle Stage | enumeration | radio | ext
name | Company name | string | text |
num_associated_contacts | Number of Associated Contacts | number | number | ro
num_associated_deals | Number of Associated Deals | number | number | ro
num_notes | Number of Sales Activities | number | number | ro =0
numberofemployees | Number of Employees | number | number |
phone | Phone Number | string | phonenumber |
state | State/Region | string | text |
website | Website URL | string | text |
"""

DEALS: Final = """
amount | Amount | number | number |
amount_in_home_currency | Amount in company currency | number | calculation_equation | ro calc
closedate | Close Date | datetime | date |
closed_lost_reason | Closed Lost Reason | string | textarea |
createdate | Create Date | datetime | date |
days_to_close | Days to close | number | number | ro =0
deal_currency_code | Currency | enumeration | select | ext
dealname | Deal Name | string | text |
dealstage | Deal Stage | enumeration | radio | ext
dealtype | Deal Type | string | text |
description | Deal Description | string | textarea |
hs_closed_won_count | Closed Won Count | number | calculation_equation | ro calc
hs_createdate | HubSpot Create Date | datetime | date | ro
hs_deal_stage_probability | Deal Probability | number | number | ro calc
hs_is_closed | Is Deal Closed? | bool | calculation_equation | ro calc
hs_is_closed_lost | Is closed lost | bool | calculation_equation | ro calc
hs_is_closed_won | Is Closed Won | bool | calculation_equation | ro calc
hs_is_deal_split | Is Deal Split? | bool | calculation_equation | ro calc =false
hs_lastmodifieddate | Last Modified Date | datetime | date | ro
hs_num_of_associated_line_items | Line Items | number | calculation_rollup | ro calc =0
hs_num_target_accounts | Number of target accounts | number | calculation_rollup | ro calc =0
hubspot_owner_id | Deal owner | enumeration | select | ext ref:OWNER
num_associated_contacts | Number of Associated Contacts | number | number | ro
num_notes | Number of Sales Activities | number | number | ro =0
pipeline | Pipeline | enumeration | select | ext
"""

LEADS: Final = """
hs_createdate | Create date | datetime | date | ro
hs_lastmodifieddate | Last modified date | datetime | date | ro
hs_lead_label | Lead Label | enumeration | select |
hs_lead_name | Lead Name | string | text |
hs_lead_type | Lead Type | enumeration | select |
hs_pipeline | Lead pipeline | enumeration | select | ext
hs_pipeline_stage | Lead pipeline stage | enumeration | select | ext
hubspot_owner_id | Lead owner | enumeration | select | ext ref:OWNER
"""

TASKS: Final = """
hs_createdate | Create date | datetime | date | ro
hs_lastmodifieddate | Last modified date | datetime | date | ro
hs_task_body | Notes | string | html |
hs_task_is_all_day | Is All Day | bool | booleancheckbox | ro =false
hs_task_priority | Priority | enumeration | select |
hs_task_reminders | Reminder | datetime | date |
hs_task_status | Task status | enumeration | select |
hs_task_subject | Title | string | text |
hs_task_type | Task Type | enumeration | select |
hs_timestamp | Due date | datetime | date |
hubspot_owner_id | Assigned to | enumeration | select | ext ref:OWNER
"""

PROPERTIES: Final = {
    "contacts": CONTACTS,
    "companies": COMPANIES,
    "deals": DEALS,
    "leads": LEADS,
    "tasks": TASKS,
}

LEAD_STATUSES: Final = (
    ("NEW", "New"),
    ("OPEN", "Open"),
    ("IN_PROGRESS", "In Progress"),
    ("OPEN_DEAL", "Open Deal"),
    ("UNQUALIFIED", "Unqualified"),
    ("ATTEMPTED_TO_CONTACT", "Attempted to Contact"),
    ("CONNECTED", "Connected"),
    ("BAD_TIMING", "Bad Timing"),
)

OPTIONS: Final = {
    "hs_lead_status": LEAD_STATUSES,
    "hs_lead_label": (("HOT", "Hot"), ("WARM", "Warm"), ("COLD", "Cold")),
    "hs_lead_type": (("NEW_BUSINESS", "New business"), ("RE_ATTEMPTING", "Re-attempting")),
    "hs_analytics_source": (
        ("ORGANIC_SEARCH", "Organic Search"),
        ("PAID_SEARCH", "Paid Search"),
        ("EMAIL_MARKETING", "Email Marketing"),
        ("SOCIAL_MEDIA", "Organic Social"),
        ("REFERRALS", "Referrals"),
        ("OTHER_CAMPAIGNS", "Other Campaigns"),
        ("DIRECT_TRAFFIC", "Direct Traffic"),
        ("OFFLINE", "Offline Sources"),
        ("PAID_SOCIAL", "Paid Social"),
        ("AI_REFERRALS", "AI Referrals"),
    ),
    "hs_task_priority": (("NONE", "None"), ("LOW", "Low"), ("MEDIUM", "Medium"), ("HIGH", "High")),
    "hs_task_type": (("EMAIL", "Email"), ("CALL", "Call"), ("TODO", "To-do")),
    "hs_task_status": (
        ("NOT_STARTED", "Not started"),
        ("IN_PROGRESS", "In progress"),
        ("WAITING", "Waiting"),
        ("COMPLETED", "Completed"),
        ("DEFERRED", "Deferred"),
    ),
}

LIFECYCLE_STAGES: Final = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
)

SALES_STAGES: Final = (
    ("appointmentscheduled", "Appointment Scheduled", False, 0.2),
    ("qualifiedtobuy", "Qualified To Buy", False, 0.4),
    ("presentationscheduled", "Presentation Scheduled", False, 0.6),
    ("decisionmakerboughtin", "Decision Maker Bought-In", False, 0.8),
    ("contractsent", "Contract Sent", False, 0.9),
    ("closedwon", "Closed Won", True, 1.0),
    ("closedlost", "Closed Lost", True, 0.0),
)

LEAD_STAGES: Final = (
    ("new-stage-id", "New"),
    ("attempting-stage-id", "Attempting"),
    ("connected-stage-id", "Connected"),
    ("qualified-stage-id", "Qualified"),
    ("unqualified-stage-id", "Disqualified"),
)
