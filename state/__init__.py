"""Store everything that the daemon remembers, one module for each kind."""
