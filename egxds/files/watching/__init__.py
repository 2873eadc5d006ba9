"""When paths may have changed. Touches the file system and awaits."""
