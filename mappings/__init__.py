"""The policies that ship, each with its cases."""
