"""Bring the mirror up to date with HubSpot, and prove that it is complete."""
