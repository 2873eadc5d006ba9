"""What is published when a hook fails, and what is kept for that time. Pure."""
