"""Hooks room: a Gateway's resources in, what its extensions make of them out, or what is published when one fails."""
