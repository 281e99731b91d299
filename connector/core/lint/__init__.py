"""Find mistakes in a policy before it is used: cases, loops, shadows."""
