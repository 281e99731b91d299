"""Settings, tokens and presets, and the run context that is opened from them."""
