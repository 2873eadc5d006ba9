"""Inspect room: what people look at, rendered when somebody looks. Pure."""
