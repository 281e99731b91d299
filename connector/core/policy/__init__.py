"""A policy as its files say it, not yet bound to a portal."""
