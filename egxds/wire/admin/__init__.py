"""The admin port: JSON over HTTP, read-only."""
