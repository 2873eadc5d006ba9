"""Model room: documents in, resolved Gateways and their status out. Pure."""
