"""The operator's commands, a module for each kind of work; loaded when one is called."""
