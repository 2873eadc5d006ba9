"""Text to values that know their lines, within limits. Cellar, pure."""
