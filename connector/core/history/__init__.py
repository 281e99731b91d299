"""What a property's versions tell: who set it, when, and for how long."""
