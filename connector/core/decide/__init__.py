"""Decide from facts which stage and lead status a record should have."""
