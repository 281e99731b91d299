"""Explain decisions, conditions and policies in plain words."""
