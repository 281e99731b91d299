"""One request to HubSpot, and every way in which it can fail."""
