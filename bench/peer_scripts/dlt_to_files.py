"""Read all contacts with dlt's REST source, and load them into files."""

import sys
import tempfile

import dlt
from dlt.sources.rest_api import rest_api_source

PROPERTIES = (
    "associatedcompanyid,email,first_conversion_event_name,hs_lead_status,"
    "hs_v2_date_entered_current_stage,hubspot_owner_id,lifecyclestage,num_conversion_events,"
    "recent_conversion_date,recent_conversion_event_name"
)

source = rest_api_source(
    {
        "client": {
            "base_url": sys.argv[1] + "/crm/objects/2026-03/",
            "auth": {"type": "bearer", "token": "pat-eu1-bench"},
        },
        "resources": [
            {
                "name": "contacts",
                "endpoint": {
                    "path": "contacts",
                    "params": {"limit": 100, "properties": PROPERTIES},
                    "data_selector": "results",
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "paging.next.after",
                        "cursor_param": "after",
                    },
                },
            }
        ],
    }
)
with tempfile.TemporaryDirectory() as folder:
    pipeline = dlt.pipeline(
        "contacts",
        destination=dlt.destinations.filesystem(bucket_url=f"file://{folder}/out"),
        pipelines_dir=f"{folder}/work",
        dataset_name="hubspot",
    )
    print(pipeline.run(source))
