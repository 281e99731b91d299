"""Decisions, conditions and policies in plain words."""
