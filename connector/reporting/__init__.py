"""Reports: what the mirror, the ledger and the audit tell, as sheets of rows."""
