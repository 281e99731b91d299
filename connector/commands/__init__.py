"""The operator's commands, a file for each kind of work; loaded when one is called."""
