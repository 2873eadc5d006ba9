"""Snapshot room: accepted resources in, immutable versioned snapshots out. Pure."""
