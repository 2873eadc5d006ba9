"""How an extension is doing: counts, silence, and the way back. Pure."""
