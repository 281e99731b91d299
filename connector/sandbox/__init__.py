"""A simulated portal that behaves as HubSpot does; it imports nothing from the rest."""
