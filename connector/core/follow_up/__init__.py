"""Find overlooked contacts, and make the tasks that remind their owners."""
