"""The database itself: engine, schema, locks, columns."""
