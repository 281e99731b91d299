"""What a property's versions show: who set it, when, and for how long."""
