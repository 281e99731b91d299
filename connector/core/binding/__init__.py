"""Bind a policy to one portal: labels become internal values, conditions become functions."""
