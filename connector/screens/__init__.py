"""What people see: the same facts as `--json`, laid out to be read."""
