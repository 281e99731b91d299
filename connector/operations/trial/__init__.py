"""Try in a test account what the product assumes about HubSpot, on records that are removed."""
