"""The only door to HubSpot."""
