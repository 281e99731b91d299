"""From facts to the stage and the lead status that a record should have."""
