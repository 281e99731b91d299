"""The daemon's HTTP server: webhook deliveries, health, metrics."""
