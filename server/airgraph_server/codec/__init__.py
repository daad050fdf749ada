"""Pure converters between the contract's messages and problem instances."""
