"""Sessions room: the delta xDS protocol without I/O, clock or logger. Pure."""
