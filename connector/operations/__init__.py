"""The operations that an operator or the daemon starts, one module each."""
