"""What is sent and what is not: plan, moves, holds, limits, audit line."""
