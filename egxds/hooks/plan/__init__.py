"""What to ask the extensions, in which order, and what their replies change. Pure."""
