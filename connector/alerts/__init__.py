"""What a person should hear of, and by which way."""
