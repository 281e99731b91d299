"""Reports from the mirror, the ledger and the audit; they send no request to HubSpot."""
