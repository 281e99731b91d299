"""JSON to nouns and back: the only place that knows how HubSpot spells things."""
