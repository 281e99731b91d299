"""A portal in a box with HubSpot's habits; imports nothing from the rest."""
