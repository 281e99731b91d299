"""Gather facts, decide, hold back what must not be sent, and store the plan."""
