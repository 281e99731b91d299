"""Read YAML with the line and column of every value, and write it."""
