"""What a user writes: a file for each group of kinds, each with its rules. Pure."""
