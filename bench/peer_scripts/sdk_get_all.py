"""Read all contacts with the `get_all` of HubSpot's own SDK."""

import sys

from hubspot import HubSpot

PROPERTIES = [
    "associatedcompanyid",
    "email",
    "first_conversion_event_name",
    "hs_lead_status",
    "hs_v2_date_entered_current_stage",
    "hubspot_owner_id",
    "lifecyclestage",
    "num_conversion_events",
    "recent_conversion_date",
    "recent_conversion_event_name",
]

client = HubSpot(access_token="pat-eu1-bench", host=sys.argv[1])  # noqa: S106
print(len(client.crm.contacts.get_all(properties=PROPERTIES)))
