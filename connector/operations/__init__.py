"""What an operator or the daemon starts: one module for each operation."""
