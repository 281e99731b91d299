"""A policy in one portal: labels become internal values, conditions become functions."""
