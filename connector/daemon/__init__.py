"""When: the loop that polls, looks, decides and writes until it is told to stop."""
