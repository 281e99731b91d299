"""What the daemon remembers."""
