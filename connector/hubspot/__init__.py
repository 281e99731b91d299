"""Send requests to HubSpot, and turn its answers into records."""
