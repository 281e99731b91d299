"""What the daemon answers over HTTP: deliveries, health, metrics."""
