"""Reports: what the mirror and the ledger tell beside what is to be corrected."""
