"""The condition language of policies: parse, check, compile and evaluate."""
