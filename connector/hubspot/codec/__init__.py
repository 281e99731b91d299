"""Parse HubSpot's JSON into values, and write values as JSON; only this folder knows the JSON."""
