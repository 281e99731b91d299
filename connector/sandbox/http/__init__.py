"""The portal over HTTP: routes, limits, faults, deliveries."""
