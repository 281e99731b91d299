"""The portal's records, definitions and habits, without HTTP."""
