"""hooks room."""
