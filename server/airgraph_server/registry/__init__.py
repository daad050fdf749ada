"""Which models are loaded, and which of them answers."""
