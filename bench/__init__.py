"""Benchmarks: what the connector costs beside the least that it could, and beside its peers."""
