"""Contacts that are ready for sales and that nobody follows up."""
