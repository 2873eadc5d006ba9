"""Certificates and keys: what Envoy takes, and how it is written to it. Cellar, pure."""
