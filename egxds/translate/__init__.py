"""Translate room: a resolved Gateway in, Envoy resources out. Pure."""
