"""What was decided, as Gateway API status and as problems. Pure."""
