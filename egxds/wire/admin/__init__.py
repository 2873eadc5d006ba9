"""The admin port: JSON over HTTP."""
