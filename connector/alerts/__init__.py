"""Decide what a person must hear of, and send it."""
