"""What people see: the same values as `--json`, laid out to be read."""
