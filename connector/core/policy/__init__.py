"""Read policy files, without a portal."""
