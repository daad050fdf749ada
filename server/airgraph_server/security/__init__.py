"""Who may connect, who may call what, and how much one peer may ask of the transport."""
