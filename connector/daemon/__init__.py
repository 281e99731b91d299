"""The daemon's loop: it polls, reads named records, decides and writes until it is stopped."""
