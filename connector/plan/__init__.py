"""Gather facts, decide, hold back what must not be sent, and lay the plan down."""
