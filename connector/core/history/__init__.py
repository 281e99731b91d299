"""Derive from a property's versions who set it, when, and for how long."""
