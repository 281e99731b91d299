"""Name the exit codes of the commands, as the README lists them."""

DONE, ACTION_NEEDED, CORRECTIONS, BUG, TRY_LATER, INTERRUPTED = 0, 1, 2, 3, 4, 130
