"""The dashboard: pages made on the server that show what the connector did, why, and what waits."""
