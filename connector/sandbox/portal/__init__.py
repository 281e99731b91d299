"""The portal's records, definitions and behaviour, without HTTP."""
