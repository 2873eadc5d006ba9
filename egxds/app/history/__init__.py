"""What was in force before, kept in `stateDir`: generations of the files of this machine, and back to one of them."""
