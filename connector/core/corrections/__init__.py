"""Define what is sent and what is held back: plan, moves, holds, limits, audit line."""
