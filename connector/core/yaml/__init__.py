"""YAML that remembers the line and column of everything it holds."""
