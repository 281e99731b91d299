"""Reports: what the mirror, the ledger and the audit tell beside what is to be corrected."""
