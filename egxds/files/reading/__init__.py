"""Paths to documents. Touches the file system and blocks."""
